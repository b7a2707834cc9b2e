"""What a lent board's owner has on it, in one ZIP on this computer until it is back on the board."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from startline_host.errors import BadInput
from startline_host.flows.backup import backup_folder, save_files
from startline_host.util import counted

#: Names in the ZIP; the journal is a dump that `startline race --dump` takes.
_FCTRY, _JOURNAL, _FILES = "fctry.bin", "race.bin", "files"


class LentThings(msgspec.Struct, frozen=True, kw_only=True):
    """A board's partition `fctry`, its owner's files by absolute path, and its journal's partition.

    None for what a borrower leaves alone.
    """

    fctry: bytes
    files: Mapping[str, bytes] | None = None
    journal: bytes | None = None

    @property
    def words(self) -> str:
        """What of it somebody would miss, such as "2 files and journal of passings"."""
        found = []
        if self.fctry.strip(b"\xff"):
            found.append("identity")
        if self.files:
            found.append(counted(len(self.files), "file"))
        if self.journal and self.journal.strip(b"\xff"):
            found.append("journal of passings")
        return " and ".join([", ".join(found[:-1]), found[-1]] if found[1:] else found)

    def save(self, mac: str) -> Path:
        """Save it under the chip's MAC in a new ZIP of the user's own. Raises BadInput."""
        members = {_FCTRY: self.fctry}
        if self.journal is not None:
            members[_JOURNAL] = self.journal
        if self.files is not None:
            members[f"{_FILES}/"] = b""
            members |= {f"{_FILES}{path}": data for path, data in self.files.items()}
        return save_files(_begins(mac), members)


def saved_of(mac: str) -> list[Path]:
    """Return the ZIPs of earlier loans of a chip that did not come to their end, the last one last."""
    return sorted(backup_folder().glob(f"{_begins(mac)}-*.zip"))


def read_saved(path: Path) -> LentThings:
    """Return what a ZIP holds. Raises BadInput for one that is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            return LentThings(
                fctry=archive.read(_FCTRY),
                journal=archive.read(_JOURNAL) if _JOURNAL in names else None,
                files={
                    name.removeprefix(_FILES): archive.read(name)
                    for name in names
                    if name.startswith(f"{_FILES}/") and not name.endswith("/")
                }
                if f"{_FILES}/" in names
                else None,
            )
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise BadInput(
            f"What was put away of this board cannot be read: {path} ({error}).",
            "Move that file elsewhere to go on without it.",
        ) from None


def _begins(mac: str) -> str:
    return f"{mac.replace(':', '-')}-lent"

"""The files of a board's owner: put away while another application is tested on it, and given back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from startline_host.device.file_sender import NotStored, send_files
from startline_host.device.repl import Repl
from startline_host.errors import StorageFailed
from startline_host.flows.backup import save_files
from startline_host.flows.notices import Listener, Remark
from startline_host.formats.bytecode import is_agents
from startline_host.util import counted


class PutAway(msgspec.Struct, frozen=True):
    """An owner's files by absolute path, and the ZIP that holds them until they are given back."""

    files: Mapping[str, bytes] = msgspec.field(default_factory=dict)
    saved: Path | None = None


def save_owner_files(
    repl: Repl, mac: str, listen: Listener, left: Mapping[str, bytes] | None = None
) -> PutAway:
    """Save all files of the owner's on this computer; nothing is changed on the device.

    Those that an earlier borrower has `left` are not the owner's. Raises BadInput where they cannot
    be saved.
    """
    files = {path: repl.read_file(path) for path in _own_paths(repl)}
    files = {path: data for path, data in files.items() if (left or {}).get(path) != data}
    if not files:
        return PutAway()
    saved = save_files(mac.replace(":", "-"), files)
    listen(Remark(f"Put away meanwhile, the owner's {counted(len(files), 'file')}: {saved}"))
    return PutAway(files, saved)


def take_away(repl: Repl, kept: PutAway) -> None:
    """Take files off the device that are saved."""
    for path in kept.files:
        repl.remove(path)


def give_back(repl: Repl, kept: PutAway) -> None:
    """Remove what the tests left, and write the owner's files back as they were.

    The ZIP goes once every file reads back. Raises StorageFailed, which names the ZIP.
    """
    try:
        for path in _own_paths(repl):
            if path not in kept.files:
                repl.remove(path)
        send_files(repl, kept.files)
        check_there(repl, kept.files)
    except (NotStored, StorageFailed, OSError) as failed:
        raise StorageFailed(
            f"The owner's files are not back on the board ({failed}).",
            f"They are in {kept.saved}.",
        ) from None
    if kept.saved is not None:
        kept.saved.unlink(missing_ok=True)


def check_there(repl: Repl, files: Mapping[str, bytes]) -> None:
    """See by their digests that files are on the device as they should be. Raises StorageFailed."""
    there = repl.digests(files)
    differ = [
        path for path, data in files.items() if there[path] != hashlib.sha256(data).hexdigest()
    ]
    if differ:
        raise StorageFailed(f"Not on the board as it should be: {', '.join(sorted(differ))}.")


def _own_paths(repl: Repl) -> list[str]:
    return [path for path in repl.files_below("") if not is_agents(path)]

"""What a device shall be loaded with, and what loading it did."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from startline_host.boards import Board
from startline_host.errors import WrongDevice
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.expected_identity import ExpectedIdentity
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.formats.units import made_today, normal_mac
from startline_host.util import counted

_MIB = 1 << 20


def keep_owner_files(_files: str) -> bool:
    """Answer where there is nobody to ask: an owner's files stay as they are."""
    return False


class LoadRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A device's load: the agent with its firmware (`bundle`), an identity (`provision`), or both.

    `allow_bound` loads a bound or unknown device too and keeps its identity, or, where it has
    lost it, writes the one that its record names; `recreate_files` replaces its whole file
    system, the reader's owner's files with it; `flash_baud` overrides the board's rate. `choose`
    gives the identity in place of `provision`, once the device has told what it keeps; what it
    raises ends the load with nothing written. `backup` takes the bytes of a file system that is
    about to be replaced. `may_replace` is told which of the reader's owner's files a load would
    replace, and says whether it may; `agreed` is what it said, None before it was asked. With
    `every_role` the device gets all of the agent, whatever its settings use. `today` is the time of
    making, as `made_today` gives it, of a unit that has none.
    """

    board: Board
    bundle: FirmwareBundle | None = None
    provision: Provision | None = None
    allow_bound: bool = False
    recreate_files: bool = False
    flash_baud: int | None = None
    choose: Callable[[DeviceSnapshot], Provision] | None = None
    backup: Path | None = None
    may_replace: Callable[[str], bool] = keep_owner_files
    agreed: bool | None = None
    every_role: bool = False
    today: int = msgspec.field(default_factory=made_today)

    def for_device(self, snapshot: DeviceSnapshot) -> LoadRequest:
        """Return the request for the device that keeps this: its identity is chosen by now."""
        provision = self.provision if self.choose is None else self.choose(snapshot)
        if provision is not None:
            provision = provision.on(self.board)
        return msgspec.structs.replace(self, provision=provision, choose=None)

    def answered(self, question: str) -> LoadRequest:
        """Return the request with the answer to whether an owner's files may be replaced."""
        return msgspec.structs.replace(self, agreed=self.may_replace(question))

    @property
    def serial(self) -> str | None:
        """The serial number that the device shall have, None where the request gives it none."""
        return self.provision.unit.serial if self.provision else None

    def check_chip(self, kind: str, mac: str, flash_size: int = 0) -> None:
        """Raise WrongDevice unless chip, flash and MAC are the board's and the unit's.

        `kind` is in esptool's spelling, `flash_size` in bytes, 0 where it is not known.
        """
        if re.sub(r"[^a-z0-9]", "", kind.lower()) != self.board.chip:
            raise WrongDevice(
                f"The chip is an {kind}, and the board {self.board.full_name} has an "
                f"{self.board.chip}.",
                "Name the right board with --board. Nothing was written.",
            )
        if flash_size not in {0, self.board.flash_size}:
            raise WrongDevice(
                f"The chip has {flash_size // _MIB} MiB of flash, and the board "
                f"{self.board.full_name} {self.board.flash_size // _MIB} MiB.",
                "Name the right board or variant with --board. Nothing was written.",
            )
        wanted = normal_mac(self.provision.unit.mac) if self.provision else ""
        if wanted and wanted != mac:
            raise WrongDevice(
                f"The chip's MAC is {mac}, and this unit's is {wanted}.",
                "Take the right board. Nothing was written.",
            )


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """What loading did: the regions and files that were written, and the bytes on the wire.

    `same` counts the bytes that the device was found to hold already. `keeps_identity`: its
    identity and record were left as they were; `identity` is who it is now. `without_agent`: it has
    nothing that binds it yet.
    """

    regions: tuple[str, ...] = ()
    files: int = 0
    removed: int = 0
    sent: int = 0
    same: int = 0
    keeps_identity: bool = False
    identity: ExpectedIdentity = ExpectedIdentity(serial="")
    without_agent: bool = False

    def __add__(self, more: LoadReport) -> LoadReport:
        """Return both together."""
        return LoadReport(
            regions=self.regions + more.regions,
            files=self.files + more.files,
            removed=self.removed + more.removed,
            sent=self.sent + more.sent,
            same=self.same + more.same,
            keeps_identity=self.keeps_identity or more.keeps_identity,
            identity=self.identity if self.identity.serial else more.identity,
            without_agent=self.without_agent or more.without_agent,
        )

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return bool(self.regions or self.files or self.removed)

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "written": list(self.regions),
            "files": self.files,
            "removed": self.removed,
            "bytes_sent": self.sent,
            "bytes_same": self.same,
            "kept_identity": self.keeps_identity,
        }

    def words(self) -> str:
        """Say it in one line."""
        if self.keeps_identity and not self.same and not self.changed:
            return "Nothing to write: the device keeps the identity that it has."
        if not self.changed:
            return f"Nothing to write: the device has all {self.same:,} bytes of it (0 sent)."
        parts = list(self.regions)
        if self.files:
            parts.append(counted(self.files, "file"))
        if self.removed:
            parts.append(f"{self.removed} removed")
        there = f"; {self.same:,} bytes were there already" if self.same else ""
        return f"Wrote {', '.join(parts)}: {self.sent:,} bytes on the wire{there}."

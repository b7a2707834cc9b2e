"""Everything that a device is loaded with, made and checked before any device is touched."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from startline_host.boards import Board
from startline_host.flows.firmware_store import ChosenFirmware
from startline_host.flows.preflight import check_offline
from startline_host.flows.settings_file import SettingsFile, load_settings
from startline_host.formats.bytecode import (
    check_bytecode,
    device_files,
    files_with_roles,
    owner_files,
)
from startline_host.formats.factory_partition import DeviceSettings, make_factory_image, with_led
from startline_host.formats.firmware_file import Firmware
from startline_host.formats.flash_plan import FlashPlan, device_table, make_plan
from startline_host.formats.littlefs_image import make_filesystem
from startline_host.formats.partitions import PartitionTable
from startline_host.formats.unit_list import make_unit
from startline_host.formats.units import Unit, made_today
from startline_host.secrets import Warn

_LOG = logging.getLogger(__name__)


class FirmwareBundle(msgspec.Struct, frozen=True):
    """A board's firmware and the files for its file system, by absolute path.

    `files` are the agent's, all its roles among them, and always brought up to date; `own` are the
    reader's owner's.
    """

    board: Board
    firmware: Firmware
    table: PartitionTable
    files: Mapping[str, bytes]
    own: Mapping[str, bytes]

    @property
    def release(self) -> tuple[int, ...]:
        """MicroPython's release as the running firmware tells it: (1, 29, 0)."""
        numbers = self.firmware.version.split("-")[0].split(".")
        return tuple(int(number) for number in [*numbers, "0", "0"][:3])

    @property
    def has_app(self) -> bool:
        """Whether the owner's files have an app that the agent starts."""
        return not {"/app.py", "/app.mpy", "/app/__init__.py"}.isdisjoint(self.own)

    def with_roles(self, roles: frozenset[str], *, listens: bool = False) -> FirmwareBundle:
        """Return it with the agent's core and these roles alone; it `listens` to a browser or not."""
        files = files_with_roles(self.files, roles, listens=listens)
        return msgspec.structs.replace(self, files=files)

    def plan(self, *, vfs: bool, fctry: bytes | None) -> FlashPlan:
        """Return the regions to write; without `vfs` the file system is left as it is."""
        image = None
        if vfs:
            image = make_filesystem({**self.files, **self.own}, self.table.get("vfs").size)
        return make_plan(self.board, self.firmware, vfs=image, fctry=fctry)


class Provision(msgspec.Struct, frozen=True):
    """One unit's identity with the settings that it shares with others."""

    unit: Unit
    settings: DeviceSettings

    def on(self, board: Board) -> Provision:
        """Return it with what the board has that a device is to know of: its LED."""
        return Provision(self.unit, with_led(self.settings, board.led))

    def image(self, made_at: int | None = None) -> bytes:
        """Return the `fctry` image; a unit without a time of its making gets `made_at`, or today's."""
        when = self.unit.made_at or made_at or made_today()
        return make_factory_image(msgspec.structs.replace(self.unit, made_at=when), self.settings)


def make_bundle(board: Board, chosen: ChosenFirmware, own: Path | None = None) -> FirmwareBundle:
    """Put together what the board needs, with the agent compiled for its firmware.

    `own` is a folder of the reader's owner's files. Raises BadInput with the reason for anything
    that does not fit together.
    """
    theirs = owner_files(own) if own else {}  # what may be wrong first: ours takes a second
    files = device_files()
    check_bytecode(files, chosen.firmware.version)
    return FirmwareBundle(
        board=board,
        firmware=chosen.firmware,
        table=device_table(board, chosen.firmware),
        files=files,
        own=theirs,
    )


def make_provision(
    path: Path,
    given: Mapping[str, str],
    *,
    as_written: bool = False,
    environ: Mapping[str, str] = os.environ,
    warn: Warn = _LOG.warning,
) -> Provision:
    """Read a settings file and make one unit's provision of it; `given` beats its [unit].

    Raises BadInput as the settings and the unit do.
    """
    file: SettingsFile = load_settings(path, environ=environ, warn=warn)
    provision = Provision(
        make_unit(given, file.unit_defaults, as_written=as_written), file.settings
    )
    provision.image()
    check_offline(provision.settings)
    return provision

"""What was found on a device before anything is written: all that a load is decided by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.formats.partitions import PartitionTable

#: By what a device is asked and written to.
Via = Literal["prompt", "boot loader"]
FileSystemState = Literal["blank", "in use", "other"]

#: Files by path, with None for one that cannot be read.
Files = Mapping[str, bytes | None]


class PromptFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What a running device tells of its files.

    `digests` are SHA-256 in hex by path, None for a file that is not there; `root` are the names in
    the root folder, `library` the paths below the host's own folders. `starters` is the content of
    boot.py and main.py where it is not what a load would write.
    """

    digests: Mapping[str, str | None]
    root: tuple[str, ...] = ()
    library: tuple[str, ...] = ()
    starters: Files = msgspec.field(default_factory=dict)


class FoundDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device as far as it was read; None for what was not read yet.

    `chip` is in esptool's spelling, "" where it is not told; `flash_size` is in bytes, 0 where it is
    not known. `release` is MicroPython's that answered at the prompt, None where none did. `lacks`
    are the agent's roles that are not there; `takes_orders` tells whether its agent does what
    this version has it do. `broken_files`: a working MicroPython found no file
    system that works. `old_files` is offset and size of the present file system, 0 for none;
    `owned` names what stands on it, with the content of boot.py and main.py, and `contents` has
    that of all files that would be lost.
    """

    via: Via
    chip: str = ""
    mac: str = ""
    flash_size: int = 0
    release: tuple[int, ...] | None = None
    table: PartitionTable | None = None
    kept: DeviceSnapshot | None = None
    has_agent: bool = True
    lacks: frozenset[str] | None = None
    takes_orders: bool | None = None
    broken_files: bool = False
    files: PromptFiles | None = None
    file_system: FileSystemState | None = None
    old_files: tuple[int, int] = (0, 0)
    owned: Files | None = None
    contents: Files | None = None

    def has(self, name: str) -> bool:
        """Tell whether there is a partition of that name."""
        return self.table is not None and self.table.find(name) is not None

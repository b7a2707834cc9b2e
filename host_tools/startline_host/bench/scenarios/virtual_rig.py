"""A bench of virtual readers: their flash files, the world around them, their serial lines."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from startline_host.bench.scenarios.base_flash import BaseFlash
from startline_host.bench.scenarios.damage import damage_partition
from startline_host.bench.scenarios.model import IMPOSTOR, NOTHING, FlashDamage, VirtualWorld
from startline_host.bench.scenarios.reader import LinkMaker, Reader
from startline_host.bench.scenarios.transcript import Transcript
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.formats.flash_dump import FlashDump
from startline_host.formats.journal_summary import summarize_journal
from startline_host.virtual import VirtualEsp32
from startline_host.virtual.world_file import write_world

#: Where the name of the cloud leads to when a name server lies.
IMPOSTOR_ADDRESS = "127.0.0.2"
_MACS = {"first": "24:6f:28:00:00:01", "second": "24:6f:28:00:00:02"}


class VirtualRig:
    """The readers of one case, by name; made at their first use, and off until switched on."""

    can = frozenset({"world", "flash", "readers", "cable", "app"})

    def __init__(
        self,
        base: BaseFlash,
        folder: Path,
        transcript: Transcript,
        *,
        link: LinkMaker | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._base = base
        self._folder = folder
        self._transcript = transcript
        self._link = link
        self._stop = stop
        self._stack = ExitStack()
        self._readers: dict[str, Reader] = {}
        self._chips: dict[str, VirtualEsp32] = {}
        self._world = folder / "world.json"
        self.set_world(VirtualWorld())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Which readers there are so far."""
        return tuple(self._readers)

    def set_world(self, world: VirtualWorld) -> None:
        """Change what is around the readers, at once."""
        write_world(self._world, as_chip_world(world))

    def reader(self, name: str = "first", *, copy_flash: bool = False) -> Reader:
        """Return a reader; a new one has the flash of the run, or a copy of the first one's."""
        if name not in self._readers:
            image = self._path("first").read_bytes() if copy_flash else self._base.image
            self._readers[name] = self._make(name, image)
        return self._readers[name]

    def url(self, name: str = "first") -> str:
        """Return where a reader's serial line is."""
        return self._chips[name].url

    def uart_url(self, name: str = "first") -> str:
        """Return where the other end of a reader's `machine.UART(1)` is."""
        return self._chips[name].uart1_url or ""

    def tell(self, name: str, image: bytes) -> None:
        """Tell a reader who it is, by an image of `fctry`; it is off then."""
        self._write(name, "fctry", image)

    def read(self, name: str, part: str) -> bytes:
        """Return a partition of a reader."""
        offset, size = self._place(part)
        with self._path(name).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def damage(self, name: str, damage: FlashDamage, seed: int) -> None:
        """Damage a reader's flash; it is off then."""
        self._readers[name].power_off()
        self._write(
            name, damage.part, damage_partition(self.read(name, damage.part), damage, seed)
        )

    def snapshot(self, name: str) -> DeviceSnapshot:
        """Return what a reader keeps of its binding."""
        parts = {part: self.read(name, part) for part in ("nvs", "bind", "fctry")}
        return DeviceSnapshot(mac=_MACS[name], **parts)

    def unsent(self, name: str) -> int | None:
        """Return how many passings a reader's journal holds that are not sent; None for no journal."""
        part = self.read(name, "race")
        journal = summarize_journal(FlashDump({0: part}, len(part)).part(0, len(part)))
        return None if journal is None else journal.waiting

    def flash_holds(self, name: str, text: str) -> bool:
        """Tell whether a text stands anywhere in a reader's flash."""
        return text.encode() in self._path(name).read_bytes()

    def _make(self, name: str, image: bytes) -> Reader:
        path = self._path(name)
        # The chip starts as soon as it has power: a blank one does nothing until it is held.
        path.write_bytes(b"\xff" * len(image))
        chip = self._stack.enter_context(
            VirtualEsp32(path, mac=_MACS[name], world=self._world, uart1=0)
        )
        self._chips[name] = chip
        reader = self._stack.enter_context(
            Reader(chip.url, self._transcript, name=name, link=self._link, stop=self._stop)
        )
        reader.power_off()
        path.write_bytes(image)
        return reader

    def _write(self, name: str, part: str, data: bytes) -> None:
        self._readers[name].power_off()
        offset, _size = self._place(part)
        with self._path(name).open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def _place(self, part: str) -> tuple[int, int]:
        if part == "chip":
            return 0, len(self._base.image)
        row = self._base.table.get(part)
        return row.offset, row.size

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.flash"


def as_chip_world(world: VirtualWorld) -> dict[str, Any]:
    """Return a scenario's world as the virtual chip reads it."""
    found: dict[str, Any] = msgspec.to_builtins(world)
    del found["time"]  # a server of the bench's own
    names = {IMPOSTOR: IMPOSTOR_ADDRESS, NOTHING: None}
    found["dns"] = {host: names.get(where, where) for host, where in world.dns.items()}
    found["ntp"] = {
        server: None if offset == NOTHING else offset for server, offset in world.ntp.items()
    }
    return found

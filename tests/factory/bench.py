"""A slot with a virtual board in it, for the tests of the line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from startline_host.factory.entries import StationSlot
from startline_host.factory.job import LinePlan, UnitResult
from startline_host.factory.work import UnitWork
from startline_host.formats.factory_partition import (
    ClaimSettings,
    DeviceSettings,
    NetSettings,
    OptionSettings,
    TlsSettings,
)
from startline_host.formats.flash_plan import merged_image
from startline_host.secrets import Secret
from startline_host.virtual import VirtualEsp32
from tests.factory.made import mac

if TYPE_CHECKING:
    from pathlib import Path

    from startline_host.factory.ledger import Ledger
    from startline_host.flows.firmware_bundle import FirmwareBundle
    from startline_host.flows.notices import Listener, Notice
    from startline_host.mock_cloud import MockCloud

FCTRY = slice(0x3FC000, 0x400000)
BIND = slice(0x3FA000, 0x3FC000)
NVS = slice(0x9000, 0xF000)


class LineBench:
    """A cloud, a ledger, and boards that come into the one slot; the agent is on them already."""

    def __init__(
        self, folder: Path, cloud: MockCloud, ledger: Ledger, bundle: FirmwareBundle
    ) -> None:
        self.cloud = cloud
        self.ledger = ledger
        self.said: list[Notice] = []
        self._folder = folder
        self._bundle = bundle
        self._chip: VirtualEsp32 | None = None
        self._cycles = 0

    @property
    def url(self) -> str:
        """Where the board in the slot is."""
        assert self._chip is not None
        return self._chip.url

    def power_cycle(self) -> bool:
        """Nothing switches this slot's power."""
        self._cycles += 1
        return False

    def flash(self, chip: int) -> Path:
        """Return a board's flash, with the agent on it; what is done to it later stays."""
        path = self._folder / f"chip-{chip}.flash"
        if not path.exists():
            path.write_bytes(merged_image(self._bundle.plan(vfs=True, fctry=None)))
        return path

    def plug(self, chip: int, world: dict[str, Any] | None = None) -> None:
        """Put a board into the slot, in place of the one that is there."""
        port = urlsplit(self._chip.url).port if self._chip is not None else None
        self.unplug()
        path = None
        if world is not None:
            path = self._folder / "world.json"
            path.write_text(json.dumps(world), encoding="utf-8")
        self._chip = VirtualEsp32(self.flash(chip), mac=mac(chip), world=path, port=port or 0)

    def unplug(self) -> None:
        """Take the board out."""
        if self._chip is not None:
            self._chip.stop()
            self._chip = None

    def plan(self, key: str = "WRITE", **changes: Any) -> LinePlan:
        """Return what units are made of; `key` is the access type of the key to bind with."""
        settings = DeviceSettings(
            claim=ClaimSettings(
                cloud="rufus", base_url=self.cloud.base_url, key=Secret(self.cloud.keys[key])
            ),
            net=NetSettings(ssid="bench", password=Secret("bench-wifi")),
            tls=TlsSettings(ca=(self.cloud.ca_der,)),
            set=OptionSettings(boot_limit=6, look_pause=30),
        )
        usual: dict[str, Any] = {
            "batch": "spring", "board": self._bundle.board, "bundle": self._bundle, "settings": settings,
            "read_key": Secret(self.cloud.keys["READ"]), "tries": 1,
        }  # fmt: skip
        return LinePlan(**usual | changes)

    def work(
        self, plan: LinePlan | None = None, listen: Listener | None = None, *, busy: bool = False
    ) -> UnitResult:
        """Work on the board in the slot; `listen` hears first and may raise."""

        def hear(notice: Notice) -> None:
            self.said.append(notice)
            if listen is not None:
                listen(notice)

        slot = StationSlot("bench", "1")
        return UnitWork(self.ledger, plan or self.plan(), slot, hear).run(self, busy=busy)

    def posts(self) -> int:
        """Count the requests to bind that reached the cloud."""
        return sum(request.method == "POST" for request in self.cloud.requests)

    def part(self, chip: int, place: slice) -> bytes:
        """Return a part of a board's flash."""
        return self.flash(chip).read_bytes()[place]

    def erase(self, chip: int, *places: slice) -> None:
        """Erase parts of a board that is out of the slot."""
        image = bytearray(self.flash(chip).read_bytes())
        for place in places:
            image[place] = b"\xff" * (place.stop - place.start)
        self.flash(chip).write_bytes(image)

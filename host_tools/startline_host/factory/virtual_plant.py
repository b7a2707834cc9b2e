"""A factory without hardware: a box of virtual boards in a folder, and a mock cloud beside it.

All of it lies in the folder, so that a line that was killed finds the boards as it left them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud
from startline_host.errors import BadInput
from startline_host.factory.virtual_board_pool import VirtualBoardPool
from startline_host.factory.virtual_slot import VirtualSlot
from startline_host.formats.factory_partition import (
    DeviceSettings,
    NetSettings,
    OptionSettings,
    TlsSettings,
)
from startline_host.mock_cloud import MockOptions
from startline_host.secrets import Secret
from startline_host.util import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from startline_host.factory.fault_injection import FaultInjector
    from startline_host.mock_cloud import MockCloud

#: The access point that every virtual reader sees.
_WIFI, _PASSWORD = "bench", "bench-wifi"
#: Seconds; the mock cloud is quick to show what it has.
_BOOT_LIMIT, _LOOK_PAUSE = 30, 30
#: Boards are numbered in four hex digits of their MAC.
_MOST = 0xFFFF


class VirtualPlant:
    """The boards and the cloud in `folder`, made when they are missing; a context manager.

    Raises BadInput for a folder that cannot be used, NetworkFailed where the cloud's port of an
    earlier run is taken.
    """

    def __init__(self, folder: Path, count: int, *, keep: bool = False) -> None:
        if not 1 <= count <= _MOST:
            raise BadInput(f"{count} virtual boards: give a count from 1 to {_MOST}.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"The folder {folder} cannot be made: {error.strerror}.") from None
        self.folder = folder
        self.box = VirtualBoardPool(folder, count, keep=keep)
        port = folder / "cloud.port"
        # Readers know the cloud by its address, port included: it stays what it was.
        known = int(port.read_text(encoding="ascii")) if port.exists() else 0
        self._played = find_cloud(DEFAULT_CLOUD).played
        self.cloud: MockCloud = self._played.make_mock(
            MockOptions(db=folder / "cloud.db", port=known)
        )
        port.write_text(str(self.cloud.port), encoding="ascii")

    def __enter__(self) -> Self:
        self.cloud.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cloud.__exit__(kind, error, trace)

    @property
    def settings(self) -> DeviceSettings:
        """What its readers are provisioned with: a WRITE key, as the vendor advises."""
        return DeviceSettings(
            claim=self._played.claim(
                self._played.base_url(self.cloud), Secret(self.cloud.keys["WRITE"]), ""
            ),
            net=NetSettings(ssid=_WIFI, password=Secret(_PASSWORD)),
            tls=TlsSettings(ca=(self.cloud.ca_der,)),
            set=OptionSettings(boot_limit=_BOOT_LIMIT, look_pause=_LOOK_PAUSE),
        )

    def check_left(self, free: int) -> None:
        """Raise BadInput where units are `free`, and every virtual reader here is made already."""
        if free and not self.box.left:
            raise BadInput(
                f"No blank virtual reader is left in {self.folder}, and {counted(free, 'unit')} of "
                "the batch still want one.",
                "Name another --folder, or remove this one: a box is used once, as a real one is.",
            )

    @property
    def read_key(self) -> Secret:
        """The key that looks into the cloud's list."""
        return Secret(self.cloud.keys["READ"])

    def slots(self, count: int, injector: FaultInjector | None = None) -> Sequence[VirtualSlot]:
        """Make so many slots, which take their boards out of the box."""
        return [VirtualSlot(str(number), self.box, injector) for number in range(1, count + 1)]

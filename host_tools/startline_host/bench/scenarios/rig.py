"""What a case needs of a bench, be its readers virtual or on a desk."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from startline_host.bench.scenarios.base_flash import CRASHING
from startline_host.bench.scenarios.catalog import Case, changes_world
from startline_host.bench.scenarios.model import FlashDamage, VirtualWorld
from startline_host.bench.scenarios.reader import Reader
from startline_host.flows.device_snapshot import DeviceSnapshot

#: What a scenario may need beyond a reader with reset wires, in words for a person.
NEEDS = {
    "world": "a Wi-Fi and time servers of its own making",
    "flash": "hands on the flash behind the reader's back",
    "readers": "a second reader",
    "cable": "a cable that can be pulled",
    "app": "the bench's own app in place of yours",
}


class Rig(Protocol):
    """The readers of one case, each off until it is switched on. `can` are words out of `NEEDS`."""

    can: frozenset[str]

    def __enter__(self) -> Self:
        """Take hold of everything."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of everything."""

    @property
    def names(self) -> tuple[str, ...]:
        """Which readers there are so far."""

    def set_world(self, world: VirtualWorld) -> None:
        """Change what is around the readers."""

    def reader(self, name: str = "first", *, copy_flash: bool = False) -> Reader:
        """Return a reader, with a blank record or a copy of the first one's flash."""

    def url(self, name: str = "first") -> str:
        """Return where a reader's serial line is."""

    def uart_url(self, name: str = "first") -> str:
        """Return where the other end of a reader's `machine.UART(1)` is, "" on a board."""

    def tell(self, name: str, image: bytes) -> None:
        """Tell a reader who it is, by an image of `fctry`; it is off then."""

    def damage(self, name: str, damage: FlashDamage, seed: int) -> None:
        """Damage a reader's flash; it is off then."""

    def snapshot(self, name: str) -> DeviceSnapshot:
        """Return what a reader keeps of its binding; its application may be stopped for it."""

    def unsent(self, name: str) -> int | None:
        """Return how many passings a reader's journal holds that are not sent; None for no journal."""

    def flash_holds(self, name: str, text: str) -> bool:
        """Tell whether a text stands where a reader's flash may hold keys."""


def needs_of(case: Case) -> set[str]:
    """Return what a case needs, as words out of `NEEDS`."""
    scenario = case.scenario
    found = set()
    if changes_world(scenario) or scenario.given.ssid != "bench" or scenario.given.ntp:
        found.add("world")
    if scenario.given.model == CRASHING:
        found.add("app")
    if scenario.races:
        found |= {"world", "app"}
    for act in scenario.act:
        if act.damage:
            found.add("flash")
        if act.reader != "first":
            found.add("readers")
        if act.cable:
            found.add("cable")
        if act.do in {"retry", "restart"}:
            found.add("app")
    return found

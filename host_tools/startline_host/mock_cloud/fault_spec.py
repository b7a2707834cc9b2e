"""How a fault is ordered in one word: `NAME[:VALUE][xTIMES][@METHOD][@/PATH]`."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from startline_host.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_ORDER = re.compile(
    r"(?P<name>[a-z_]+?)(?::(?P<value>[0-9]{1,9}))?(?:x(?P<times>[0-9]{1,6}))?"
    r"(?:@(?P<method>[A-Z]+))?(?:@(?P<path>/\S*))?"
)


@dataclass(frozen=True)
class FaultValue:
    """The number that a fault takes: its bounds, what stands for none given, and its unit."""

    least: int
    most: int
    default: int
    unit: str


@dataclass(frozen=True)
class FaultSpec:
    """A fault to be played: with which number, how often (None: until switched off), where.

    `method` and `path` (a prefix) narrow down the requests; empty means as the fault's own row.
    """

    name: str
    value: int | None = None
    times: int | None = None
    method: str = ""
    path: str = ""

    def __str__(self) -> str:
        """Write the order as `parse` reads it."""
        text = self.name
        text += "" if self.value is None else f":{self.value}"
        text += "" if self.times is None else f"x{self.times}"
        text += f"@{self.method}" if self.method else ""
        return text + (f"@{self.path}" if self.path else "")

    def settled(self, value: FaultValue | None) -> FaultSpec:
        """Fill in the default number, or raise `BadInput` for one that the fault does not take."""
        if value is None:
            if self.value is not None:
                raise BadInput(f"The fault {self.name!r} takes no number, but was given one.")
            return self
        number = value.default if self.value is None else self.value
        if not value.least <= number <= value.most:
            raise BadInput(
                f"The fault {self.name!r} takes {value.unit} from {value.least} to {value.most}, "
                f"not {number}."
            )
        return replace(self, value=number)


def parse(text: str, known: Collection[str]) -> FaultSpec:
    """Read an order; raise `BadInput` if it is malformed or its name is not among `known`."""
    match = _ORDER.fullmatch(text.strip())
    if match is None:
        raise BadInput(
            f"The fault {text!r} cannot be read.",
            "Write NAME, NAME:NUMBER, NAMExTIMES or NAME@METHOD, for example status:503x2@POST.",
        )
    if match["name"] not in known:
        raise BadInput(
            f"There is no fault {match['name']!r}.", "`startline cloud faults` lists them."
        )
    return FaultSpec(
        match["name"],
        None if match["value"] is None else int(match["value"]),
        None if match["times"] is None else max(1, int(match["times"])),
        match["method"] or "",
        match["path"] or "",
    )


@dataclass
class ActiveFaults:
    """The orders that are in force, one for each fault; safe to use from any thread."""

    _specs: list[FaultSpec] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listed(self) -> list[FaultSpec]:
        """Give the orders in force, the oldest first."""
        with self._lock:
            return list(self._specs)

    def put(self, spec: FaultSpec) -> None:
        """Put an order in force, in place of one for the same fault."""
        with self._lock:
            names = [one.name for one in self._specs]
            if spec.name in names:
                self._specs[names.index(spec.name)] = spec
            else:
                self._specs.append(spec)

    def drop(self, name: str) -> None:
        """Take the order for a fault out of force, if there is one."""
        with self._lock:
            self._specs = [one for one in self._specs if one.name != name]

    def clear(self) -> None:
        """Take all orders out of force."""
        with self._lock:
            self._specs = []

    def count(self, played: Iterable[FaultSpec]) -> bool:
        """Count orders as played once more; tell whether that changed anything."""
        counted = {one.name for one in played if one.times is not None}
        with self._lock:
            left = [
                replace(one, times=(one.times or 0) - 1) if one.name in counted else one
                for one in self._specs
            ]
            self._specs = [one for one in left if one.times != 0]
        return bool(counted)

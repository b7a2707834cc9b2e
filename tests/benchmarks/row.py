"""One measured number, and the number of somebody else beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: The value of a row that could not be measured; its note says why.
UNKNOWN = math.nan


@dataclass(frozen=True)
class Peer:
    """What a number is held against, measured in the same run and unit."""

    name: str
    value: float


@dataclass(frozen=True)
class Row:
    """A number with its unit; `name` is without the group's name.

    Times are context; what is to be the same in every run is a count, or the ratio to a peer.
    """

    name: str
    value: float
    unit: str
    peer: Peer | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """Value over peer, or UNKNOWN."""
        if self.peer is None or not self.peer.value:
            return UNKNOWN
        return self.value / self.peer.value

"""The project's budgets, each with the name of the row that is held to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from tests.benchmarks.row import Row

KIB = 1024


@dataclass(frozen=True)
class Budget:
    """A bound on a row's value or on its ratio to the peer; a number that is unknown misses it."""

    sense: Literal["<=", ">="]
    limit: float
    of: Literal["value", "ratio"] = "value"

    def met(self, row: Row) -> bool:
        """Say whether the row keeps it."""
        number = row.value if self.of == "value" else row.ratio
        return number <= self.limit if self.sense == "<=" else number >= self.limit


def at_most(limit: float) -> Budget:
    """Return a budget that the value must not exceed."""
    return Budget("<=", limit)


def ratio_at_most(limit: float) -> Budget:
    """Return a budget that the ratio to the peer must not exceed."""
    return Budget("<=", limit, "ratio")


#: By "group.row"; a group that leaves one of its own out has missed it.
BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "size.core": at_most(36 * KIB),
        "size.first_boot": at_most(20 * KIB),
        "size.bound_boot": at_most(8 * KIB),
        "heap.first_boot_https": at_most(72 * KIB),
        "heap.bound_boot": at_most(24 * KIB),
        "boot.bound_to_ready": at_most(20),
        "boot.bound_reads": at_most(700),
        "boot.bound_network_calls": at_most(0),
        "wire.agent_bytes_default": ratio_at_most(0.4),
        "wire.agent_bytes_best": ratio_at_most(1 / 2),
        "wire.device_115200": ratio_at_most(1.10),
        "wire.device_460800": ratio_at_most(1.10),
        "wire.device_921600": ratio_at_most(1.10),
        "wire.second_unit_written": ratio_at_most(1),
        "wire.reload_written": at_most(0),
        "power.cuts_not_survived": at_most(0),
        "race.package": at_most(24 * KIB),
        "race.online": at_most(10 * KIB),
        "race.heap": at_most(64 * KIB),
        "race.passing_programs": at_most(2),
        "race.passing_erases": at_most(0),
        "race.passing_garbage": at_most(512),
        "race.passing_longest": at_most(5),
        "race.passings_a_second": Budget(">=", 20, "ratio"),
        "race.erases_a_passing": at_most(1 / 60),
        "race.open_full": at_most(300),
        "race.wire_a_passing": at_most(150),
        "race.longest_hold": at_most(30),
        "race.beside_longest": at_most(30),
        "race.backlog": Budget(">=", 20, "ratio"),
        "line.speed_up_16_per_core": Budget(">=", 0.7),
    }
)


def of_group(group: str) -> list[str]:
    """Return the names of the rows that the group owes."""
    return [name for name in BUDGETS if name.startswith(f"{group}.")]

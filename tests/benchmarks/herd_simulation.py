"""A power failure ends: every reader boots in the same second, and the cloud cannot take them all.

Time goes in ticks. In each, the cloud takes what its capacity allows, by lot, and turns the rest
away before the first byte of a request; when those come again is for the agent's own code to say.
Wi-Fi, DNS and TLS take no time here, which is the worst case: nothing else spreads the herd.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from startline.net.outcome import backoff_ms, retry_after_ms, server_backoff_ms

#: Milliseconds a tick: ten of them in the second of the booting.
TICK = 100
#: Milliseconds: a boot's own limit, and what must be left of it for another try (binding.py).
BOOT_LIMIT, LEAST = 90_000, 5_000

_Numbers = np.ndarray[Any, np.dtype[np.int64]]
#: Returns milliseconds to wait after the n-th failure in a row (from 0), for each chance in
#: 0..65535 of the readers concerned.
Policy = Callable[[int, _Numbers], _Numbers]


def agent(tries: int, chance: _Numbers) -> _Numbers:
    """Wait as the agent does: exponentially, with full jitter."""
    # It is arithmetic alone, which an array does as well as a number.
    return cast("Callable[[int, _Numbers], _Numbers]", backoff_ms)(tries, chance)


def no_jitter(tries: int, chance: _Numbers) -> _Numbers:
    """Wait as long as the agent ever would after so many failures, every reader alike."""
    return agent(tries, np.full_like(chance, 65535))


def fixed_delay(_tries: int, chance: _Numbers) -> _Numbers:
    """Wait for five seconds."""
    return np.full_like(chance, 5000)


def after_429(tries: int, chance: _Numbers) -> _Numbers:
    """Wait as the agent does after a 429 with `Retry-After: 30`: so long, and up to as long again."""
    wait = cast("Callable[[int, int, _Numbers], _Numbers]", server_backoff_ms)
    return wait(retry_after_ms(b"30", 0), tries, chance)


def exactly_as_told(_tries: int, chance: _Numbers) -> _Numbers:
    """Wait for the 30 seconds of `Retry-After: 30`, every reader alike."""
    return np.full_like(chance, retry_after_ms(b"30", 0))


@dataclass(frozen=True)
class Course:
    """What came of it: by tick, connections that the cloud saw, and readers bound until then."""

    readers: int
    load: _Numbers
    bound: _Numbers

    @property
    def seconds(self) -> float:
        """Seconds until all were bound, infinite if they were not."""
        return len(self.bound) * TICK / 1000 if self.done else math.inf

    @property
    def done(self) -> bool:
        """Whether all were bound in the end."""
        return int(self.bound[-1]) == self.readers

    @property
    def tries(self) -> float:
        """Connections for each reader, on average."""
        return float(self.load.sum()) / self.readers

    @property
    def peak(self) -> int:
        """The most connections within a second, after the first: that one is as it is."""
        ticks = 1000 // TICK
        whole = len(self.load) // ticks * ticks
        return int(self.load[:whole].reshape(-1, ticks).sum(axis=1)[1:].max(initial=0))

    def share_after(self, seconds: float) -> float:
        """Return the share of readers that were bound after so many seconds."""
        tick = min(int(seconds * 1000 / TICK), len(self.bound)) - 1
        return float(self.bound[tick]) / self.readers


def simulate(
    policy: Policy, *, readers: int, capacity: int, horizon: int, seed: int = 1
) -> Course:
    """Let `readers` boot within a second; `capacity` is in requests a second, `horizon` in seconds.

    A reader whose boot ends unbound is asked by its application to try again at once
    (`device.retry()`): a new run, with a new limit, that begins with a try.
    """
    dice = np.random.default_rng(seed)
    due = dice.integers(0, 1000, readers)
    begun = due.copy()
    tries = np.zeros(readers, np.int64)
    ticks = horizon * 1000 // TICK
    load, bound = np.zeros(ticks, np.int64), np.zeros(ticks, np.int64)
    never = ticks * TICK
    for tick in range(ticks):
        now = np.flatnonzero(due < (tick + 1) * TICK)
        load[tick] = len(now)
        dice.shuffle(now)
        taken = now[: capacity * TICK // 1000]
        due[taken] = never
        bound[tick] = bound[tick - 1] + len(taken)
        if bound[tick] == readers:
            return Course(readers, load[: tick + 1], bound[: tick + 1])
        _turn_away(policy, now[len(taken) :], due, begun, tries, dice)
    return Course(readers, load, bound)


def _turn_away(
    policy: Policy,
    away: _Numbers,
    due: _Numbers,
    begun: _Numbers,
    tries: _Numbers,
    dice: np.random.Generator,
) -> None:
    """Set when those that were turned away come again."""
    chance = dice.integers(0, 65536, len(away))
    failed = tries[away]
    waits = np.empty_like(chance)
    for count in np.flatnonzero(np.bincount(failed)):
        alike = failed == count
        waits[alike] = policy(int(count), chance[alike])
    again = due[away] + waits
    # A run that has no time left ends with its last failure; the next begins there and then.
    over = again >= begun[away] + BOOT_LIMIT - LEAST
    again[over] -= waits[over] - 1
    failed += 1
    failed[over] = 0
    begun[away[over]] = again[over]
    due[away] = again
    tries[away] = failed

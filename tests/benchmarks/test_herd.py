"""The herd: the simulation retries as the agent does, and tells what becomes of all readers."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from startline.binding import Binding
from startline.net import StepFailed
from startline.net.outcome import next_step, retry_delay

from tests.agent_on_cpython import agent_on_cpython  # noqa: F401 - pytest finds it here
from tests.benchmarks import herd, herd_simulation
from tests.benchmarks.herd_plot import draw
from tests.benchmarks.herd_simulation import BOOT_LIMIT, Policy, simulate

CHANCES = (0, 65535, 40000, 3, 65000, 12345, 54321, 65535, 65535, 1, 30000, 65535, 9999, 60000)


class HerdRun(Binding):
    """The agent's own loop over a clock that its sleeps move on, and a cloud that has no room."""

    def __init__(self, *, busy: bool) -> None:
        self.now, self._busy = 0, busy
        self.tried: list[int] = []
        self._chances = iter(CHANCES)
        self.device = SimpleNamespace(
            state="unbound", update_led=_nothing, emit=_nothing, print_line=_nothing
        )
        self.emit = _nothing
        texts = {"factory.mac": "", "claim.key": "a key"}
        self.identity = SimpleNamespace(
            damaged=(), base_url="https://cloud", text=texts.get, mac=b"\0" * 6
        )
        self.cloud = SimpleNamespace(NEEDED=())
        self.roots = [object(), b"a root"]
        self.link = self.record = None  # type: ignore[assignment]
        self.tries = self.requests = self.start = 0
        self.limit = BOOT_LIMIT
        self.chip = SimpleNamespace(
            since=lambda start: self.now - start,
            sleep=self._sleep,
            random=lambda _: next(self._chances).to_bytes(2, "little"),
            flash=lambda _: None,
            blob=lambda: b"",
            unix=lambda: 0,
        )

    def _sleep(self, ms: int) -> None:
        self.now += ms

    def try_once(self) -> int | None:
        """Be turned away, at the door or with an answer."""
        self.tried.append(self.now)
        wait: int | None
        if self._busy:
            self.requests += 1
            wait = next_step(self, SimpleNamespace(retry_after=b"30"), "unbound", 2)
        else:
            wait = retry_delay(self, StepFailed("connect", "refused"))
        return wait


def _nothing(*_words: Any) -> None:
    """Take what the agent says."""


def simulated(policy: Policy) -> list[int]:
    """List when one reader tries in its first run."""
    due, begun, tries = (np.zeros(1, np.int64) for _ in range(3))
    moments: list[int] = []
    chances = iter(CHANCES)
    dice: Any = SimpleNamespace(integers=lambda *_: np.array([next(chances)]))
    while not begun[0]:
        moments.append(int(due[0]))
        herd_simulation._turn_away(policy, np.zeros(1, np.int64), due, begun, tries, dice)
    return moments


@pytest.mark.parametrize(
    ("policy", "busy"), [(herd_simulation.agent, False), (herd_simulation.after_429, True)]
)
def test_a_reader_of_the_herd_tries_when_the_agent_does(policy: Policy, busy: bool) -> None:
    """One reader's tries in a run are, to the millisecond, those of the agent's own loop."""
    run = HerdRun(busy=busy)
    run.run(again=False)
    assert len(run.tried) > 1
    assert run.tried == simulated(policy)


def test_every_reader_is_bound_once_and_none_beyond_the_capacity() -> None:
    """As many readers are bound as there are, never more in a second than the cloud takes."""
    course = simulate(herd_simulation.agent, readers=5000, capacity=100, horizon=200)
    assert course.done
    assert course.bound[-1] == 5000
    assert np.diff(course.bound, prepend=0).max() <= 10
    assert course.load.sum() == round(course.tries * 5000) > 5000
    assert course.seconds >= 50


def test_jitter_spreads_the_herd() -> None:
    """With the agent's jitter all are bound sooner, and with fewer tries, than without any."""
    ours, theirs = (
        simulate(policy, readers=5000, capacity=50, horizon=2000)
        for policy in (herd_simulation.agent, herd_simulation.no_jitter)
    )
    assert ours.seconds < theirs.seconds / 3
    assert ours.tries < theirs.tries / 3
    assert ours.peak < theirs.peak


def test_the_rows_are_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way of retrying has its rows, those who never end included, and the picture is drawn."""
    monkeypatch.setattr(herd, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(herd, "READERS", 3000)
    monkeypatch.setattr(herd, "CAPACITY", 30)
    monkeypatch.setattr(herd, "HORIZON", 200)
    rows = {row.name: row for row in herd.rows(tmp_path)}
    assert len(rows) == 5 * 4 + 3 * 2 + 1
    assert rows["agent.all_bound"].value < 200
    assert math.isnan(rows["exactly_as_told.all_bound"].value)
    assert 0 < rows["tries_a_reader_beside_fixed_5_s"].ratio < 1
    assert 0 < rows["tries_a_reader_beside_exactly_as_told"].ratio < 1
    assert "<svg" in (tmp_path / "kept" / "herd.svg").read_text(encoding="utf-8")[:1000]


def test_a_course_without_an_end_is_drawn_as_such(tmp_path: Path) -> None:
    """The picture says of readers that are not bound in time that they never are."""
    course = simulate(herd_simulation.agent, readers=1000, capacity=10, horizon=20)
    draw({"the agent": course}, 10, tmp_path / "herd.svg")
    assert not course.done
    assert course.seconds == float("inf")
    assert (tmp_path / "herd.svg").stat().st_size > 1000

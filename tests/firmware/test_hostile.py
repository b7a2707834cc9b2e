"""Hostile answers by the thousand, in the real MicroPython, in little memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.firmware.harness import run_micropython

EACH = 1000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_hostile_answer_has_an_outcome(lib: Path, seed: int) -> None:
    """Whatever comes is a state or a named failure, without an exception, in a bounded heap."""
    program = f"import sys\nsys.path[:] = [{str(lib)!r}, '.frozen']\n"
    program += f"import hostile\nhostile.run({seed * EACH}, {EACH})"
    said = run_micropython("-c", program, heap="384k")
    outcomes = dict(line.rsplit(" ", 1) for line in said.splitlines())
    assert set(outcomes) <= {
        "bound", "unknown", "refused", "unbound", "cut", "timeout", "garbage", "redirect",
    }  # fmt: skip
    assert sum(map(int, outcomes.values())) == EACH
    assert {"bound", "unknown", "refused", "cut", "garbage"} <= set(outcomes)

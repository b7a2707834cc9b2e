"""Answers that no client should trust, and attempts that fail by the hundred."""

from __future__ import annotations

import shutil
from pathlib import Path

from startline_host.boards import data_folder
from tests.proofs.hostile.boot_judge import LIMIT_MS
from tests.proofs.hostile.survey import bombard
from tests.proofs.powercuts.blank_units import make_units
from tests.proofs.powercuts.cut_plan import specs
from tests.proofs.powercuts.vm_runner import VmRunner

#: What the heap may differ by between two moments: tables of the VM that grow once.
_HEAP_NOISE = 2048


def test_hostile_answers_come_to_a_classified_outcome() -> None:
    """Whatever is answered, a first boot ends in time, in a state, and in its budget of the heap."""
    survey = bombard(150, seed=3, workers=2)
    assert survey.bad == {}
    assert survey.answers == sum(survey.ends.values()) == 150
    assert survey.longest_ms <= LIMIT_MS


def test_an_agent_that_trusts_an_answer_is_noticed(tmp_path: Path) -> None:
    """A reason that is printed as it came is found, and so is a body that is kept without bound."""
    agent = tmp_path / "firmware"
    shutil.copytree(data_folder("firmware"), agent)
    for name, good, bad, count in (
        ("net/outcome.py", 'return "" if text == "..." else text', "return text * 20", 100),
        ("net/bind_request.py", "self.start = bytearray()", "self.start = bytearray(40960)", 20),
    ):
        path = agent / "startline" / name
        kept = path.read_text()
        assert good in kept
        path.write_text(kept.replace(good, bad))
        survey = bombard(count, seed=3, workers=2, agent=agent)
        path.write_text(kept)
        assert survey.bad


def test_hundreds_of_failing_attempts_leak_nothing(tmp_path: Path) -> None:
    """After 300 requests to a failing cloud no socket is open and the heap has not grown.

    The least that can leak, an object of five bytes each time, makes it grow by seven times the noise.
    """
    spec = next(one for one in specs("rufus") if one["access"] == "WRITE")
    with VmRunner(tmp_path, make_units("rufus")) as machine:
        result = machine.run([{"kind": "leak", "spec": spec, "count": 300}])[0]
    assert result["reached"] >= 300
    assert result["left_open"] == 0
    settled, last = result["heap"]
    assert last - settled < _HEAP_NOISE

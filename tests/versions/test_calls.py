"""What the agent's functions give on CPython, where their tests run, they give on every version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.firmware.harness import compile_agent
from tests.versions import official, selection

_SECONDS = 600
QUICK = ("test_rules.py", "test_record_rules.py", "test_vms_activation.py")
#: Functions that may come to something else in a VM, and why that is no harm.
OTHERWISE = {
    ("startline.clouds", "parse"): "MicroPython's json misses no comma; `read` adds it elsewhere",
    ("startline.net.reasons", "_of_errno"): "a firmware has names for some errors only",
    (
        "startline.events",
        "decode",
    ): "MicroPython's json leaves halves of surrogates; the host decodes",
}


@pytest.fixture(scope="module")
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the agent's tests on CPython, or the quick ones of them, and note their calls."""
    few = request.config.getoption("--versions") == selection.FEW
    which = [f"tests/firmware/{name}" for name in (QUICK if few else [""])]
    path = tmp_path_factory.mktemp("calls") / "calls.json"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--versions=none",
         "-p", "tests.versions.call_recorder", f"--record-calls={path}",
         *which, "-k", "not unix"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return path


def test_every_version_agrees_with_the_tests(
    recorded: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each call that a test makes of a rule, a format or a reader comes to the same in the VM."""
    calls = json.loads(recorded.read_text(encoding="ascii"))
    assert len({(module, function) for module, function, *_ in calls}) > 12
    lib = compile_agent(tmp_path)
    for version in selection.chosen(request.config):
        assert differing(official.program(version), lib, recorded, calls) == []


def differing(program: str, lib: Path, recorded: Path, calls: list[Any]) -> list[Any]:
    """Return the calls that come to something else there, each with what that is."""
    done = subprocess.run(
        [program, "-X", "heapsize=8m", str(Path(__file__).parent / "vm" / "repeat_calls.py"),
         str(lib), str(recorded)],
        capture_output=True, text=True, check=True, timeout=_SECONDS,
    )  # fmt: skip
    *apart, count = map(json.loads, done.stdout.strip("\n").split("\n"))
    assert count == len(calls)
    return [
        [calls[number], got] for number, got in apart if tuple(calls[number][:2]) not in OTHERWISE
    ]

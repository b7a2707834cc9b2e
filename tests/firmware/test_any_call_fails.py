"""Whatever call of the chip fails, at whatever moment: the app starts, and nothing happens twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.firmware.harness import BLANK, factory_image, run_micropython, settings_for
from tests.versions import selection

#: A busy machine needs long for thousands of boots.
_SECONDS = 1800.0
WORLDS = ("blank", "bound", "unknown")
KINDS = (
    "OSError",
    "ValueError",
    "OverflowError",
    "MemoryError",
    "RuntimeError",
    "KeyboardInterrupt",
)
#: Of the calls of a boot the tests have one in so many fail, each kind of error others of them, and
#: fewer on other versions of MicroPython; `make versions` has all of them fail.
_ONE_IN, _ONE_IN_ELSEWHERE = 3, 12
#: What no fault may come past in a boot from blank to bound, besides reading flash.
CALLS = {
    "crash_loop", "write", "ms", "since", "sleep", "mac", "flash", "full", "blob", "nvs",
    "set_blob", "commit", "program", "random", "unix", "set_unix", "ntp", "wlan", "isconnected",
    "active", "config", "connect", "getaddrinfo", "socket", "settimeout", "recv", "close",
}  # fmt: skip


@pytest.fixture
def one_in(request: pytest.FixtureRequest, vm: str) -> int:
    """Return which part of the calls is to fail."""
    if request.config.getoption("--versions") != selection.FEW:
        return 1
    return _ONE_IN if vm == selection.UNIX else _ONE_IN_ELSEWHERE


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a blank reader's partitions, and a file that names them."""
    folder = tmp_path_factory.mktemp("faulty")
    parts = {
        "fctry": factory_image(settings_for("https://localhost:1/v0", b"ca")),
        "bind": BLANK * 0x2000,
        "nvs": BLANK * 0x6000,
    }
    for label, data in parts.items():
        (folder / label).write_bytes(data)
    path = folder / "spec.json"
    path.write_text(json.dumps({label: str(folder / label) for label in parts}))
    return path


def boots(lib: Path, spec: Path, world: str, kind: str, one_in: int = 0) -> dict[str, int]:
    """Fail call after call in turn, for good without `one_in`; return how often which was.

    Raises AssertionError.
    """
    first = KINDS.index(kind) % (one_in or 1)
    program = f"import sys\nsys.path[:]={[str(lib), '.frozen']}\nimport faulty_boots\n"
    program += (
        f"faulty_boots.run({str(spec)!r}, {world!r}, {kind!r}, {not one_in}, {one_in}, {first})"
    )
    ran = run_micropython("-c", program, heap="16m", seconds=_SECONDS)
    said, _, end = ran.rpartition("END ")
    found = json.loads(end)
    assert found["bad"] == []
    assert "Traceback" not in said
    names: dict[str, int] = found["names"]
    if one_in:
        assert sum(names.values()) >= found["calls"] // one_in
    return names


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("world", WORLDS)
def test_one_call_fails(lib: Path, spec: Path, world: str, kind: str, one_in: int) -> None:
    """Each call of a boot fails once: the app starts with a device, one request, one token, kept.

    A Ctrl-C is no fault: it goes through to the prompt, the app waits, and the next boot goes on.
    """
    names = boots(lib, spec, world, kind, one_in)
    if world == "blank" and one_in <= _ONE_IN:
        assert names.keys() >= CALLS


@pytest.mark.parametrize("kind", ["OSError", "MemoryError"])
@pytest.mark.parametrize("world", WORLDS)
def test_a_part_fails_for_good(lib: Path, spec: Path, world: str, kind: str) -> None:
    """From a call on, every call of its name fails till the next boot, with the same outcome."""
    names = boots(lib, spec, world, kind)
    if world == "blank":
        assert names.keys() >= CALLS

"""How a device starts: hand-over to the application, the crash-loop guard, and what goes wrong."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
import startline
from startline.hal import Hal

from startline_host.mock_cloud import MockCloud
from tests.firmware.conftest import MakeReader
from tests.firmware.harness import SOURCES, run_micropython

STAND_INS = """
import sys, time
class Memory:
    data = {memory!r}
    def memory(self, data=None):
        if data is None:
            return self.data
        Memory.data = data
class Machine:
    RTC = Memory
sys.modules["machine"] = Machine
import startline
def first_boot(hal=None):
    print("booted")
    return "the device"
startline.first_boot = first_boot
"""


def start(tmp_path: Path, app: str | None, memory: bytes = b"", main: str = "") -> str:
    """Run main.py on MicroPython with a stand-in for the boot itself; return what it printed."""
    if app is not None:
        (tmp_path / "app.py").write_text(textwrap.dedent(app))
    program = f"import sys\nsys.path[:] = [{str(tmp_path)!r}, {str(SOURCES)!r}, '.frozen']\n"
    program += STAND_INS.format(memory=memory) + (main or (SOURCES / "main.py").read_text())
    program += "\nprint('memory', Memory.data)"
    return run_micropython("-c", program)


@pytest.mark.offline
def test_the_app_gets_the_device(tmp_path: Path) -> None:
    """After the first boot, app.py's main is called with the device."""
    said = start(tmp_path, "def main(device):\n    print('app has', device)\n")
    assert "booted\napp has the device\n" in said


@pytest.mark.offline
def test_a_device_without_an_app(tmp_path: Path) -> None:
    """Without app.py the device stays at the REPL, and says nothing about it."""
    assert start(tmp_path, None).startswith("booted\nmemory")


@pytest.mark.offline
@pytest.mark.parametrize(
    "app",
    [
        "import nothing_like_that\n",
        "raise ValueError('app')\n",
        "def main(device):\n    raise ValueError('app')\n",
    ],
)
def test_an_app_that_is_broken_says_so(tmp_path: Path, app: str) -> None:
    """A mistake in the application, also while it runs, is not taken for a missing application."""
    with pytest.raises(AssertionError, match=r"nothing_like_that|ValueError: app"):
        start(tmp_path, app)


def rtc(*resets: int, now: int, memory: bytes = b"") -> tuple[list[bool], bytes]:
    """Start at these seconds, one after another; return what the guard said, and the memory."""
    kept = [memory]

    class Rtc:
        """The memory that a reset keeps."""

        def memory(self, data: bytes | None = None) -> bytes | None:
            """Return or replace it."""
            if data is None:
                return kept[0]
            kept[0] = data
            return None

    said = []
    sys.modules["machine"] = SimpleNamespace(RTC=Rtc)  # type: ignore[assignment]
    try:
        for second in resets:
            clock = SimpleNamespace(time=lambda second=second: now + second)
            import startline.hal as module

            module.time, real = clock, module.time  # type: ignore[assignment]
            try:
                said.append(Hal().crash_loop())
            finally:
                module.time = real
    finally:
        del sys.modules["machine"]
    return said, kept[0]


def test_five_quick_resets_stay_at_the_prompt() -> None:
    """The fifth reset in a row, each within 30 s of the boot before, stays; the next one starts."""
    said, _ = rtc(0, 5, 10, 15, 20, 25, 30, 35, now=1000)
    assert said == [False, False, False, False, False, True, False, False]


def test_slow_resets_do_not_count() -> None:
    """A device that ran for half a minute is in no crash loop."""
    assert not any(rtc(0, 5, 10, 15, 50, 55, 60, 65, now=1000)[0])


def test_a_clock_that_was_set_in_between_does_not_count() -> None:
    """A boot that set the clock is not followed by a quick reset, whichever way the clock went."""
    assert not any(rtc(0, 5, 10, 800_000_000, 5, 6, 7, now=1000)[0])


def test_the_apps_memory_is_left_alone() -> None:
    """What an application keeps in that memory is neither counted in nor overwritten."""
    assert rtc(0, 1, 2, 3, 4, 5, 6, now=9, memory=b"laps=7") == ([False] * 7, b"laps=7")


@pytest.mark.parametrize("clock", [-1, -(10**9), 1 << 32, (1 << 33) + 7, 1 << 62])
def test_a_clock_that_says_anything_is_counted_by(clock: int) -> None:
    """A clock before 2000 or past 2136, which no four bytes hold, counts quick resets as any other."""
    said, memory = rtc(0, 5, 10, 15, 20, 25, now=clock)
    assert said == [False, False, False, False, False, True]
    assert len(memory) == 9
    assert not any(rtc(0, 40, 80, 120, 160, 200, now=clock)[0])


@pytest.mark.parametrize("memory", [b"SLcl", b"SLcl\5", b"SLcl\5\0\0", b"SLcl" + b"\xff" * 60])
def test_a_memory_that_is_no_count_begins_anew(memory: bytes) -> None:
    """What looks like our own memory and is none is a first boot."""
    said, kept = rtc(0, now=0, memory=memory)
    assert (said, kept) == ([False], b"SLcl" + bytes(5))


@pytest.mark.offline
def test_the_guard_keeps_the_boot_away(tmp_path: Path) -> None:
    """At the fifth quick reset neither the agent nor the application runs."""
    memory = b"SLcl\4" + b"\xff\xff\xff\x3f"
    (tmp_path / "time.py").write_text("def time():\n    return 0x7fffffff\n")
    said = start(tmp_path, "def main(device):\n    print('app')\n", memory)
    assert "Five quick resets" in said
    assert "booted" not in said
    assert "app" not in said.replace("Five", "")


@pytest.mark.offline
def test_a_bug_does_not_keep_the_app_away(make_reader: MakeReader, cloud: MockCloud) -> None:
    """An exception that nobody foresaw is an event without its words, and the boot ends as any."""
    reader = make_reader()
    boot = reader.boot(ntp="secret words")
    assert boot.state == "unbound"
    assert boot.reason == "bug TypeError"
    assert boot.events[-1]["ev"] == "ready"
    assert "secret" not in boot.text.replace(str(cloud.base_url), "")
    assert "Traceback" not in boot.text


@pytest.mark.parametrize("name", ["device", "hal", "record/__init__", "identity"])
@pytest.mark.parametrize("damage", ["gone", "noise"])
def test_an_agent_that_cannot_be_loaded(tmp_path: Path, lib: Path, name: str, damage: str) -> None:
    """Whichever file of the agent is missing or damaged, the app starts, with a device that says so."""
    shutil.copytree(lib / "startline", tmp_path / "startline")
    path = tmp_path / "startline" / f"{name}.mpy"
    path.unlink() if damage == "gone" else path.write_bytes(b"\xa5" * 300)
    (tmp_path / "app.py").write_text(
        "def main(device):\n"
        "    print('app', device.state, device.reason, device.token == '', device.retry())\n"
        "    try:\n"
        "        device.race()\n"
        "    except ImportError:\n"
        "        print('no race')\n"
    )
    program = f"import sys\nsys.path[:] = [{str(tmp_path)!r}, '.frozen']\n"
    said = run_micropython("-c", program + "import startline\nstartline.main()")
    assert said.startswith("app unknown bug ")
    assert said.endswith(" True unknown\nno race\n")


@pytest.mark.parametrize("error", ["OSError(5)", "OverflowError()", "MemoryError()"])
def test_a_guard_that_fails_is_no_condition(tmp_path: Path, error: str) -> None:
    """Where resets cannot be counted, the boot and the app go on."""
    (tmp_path / "time.py").write_text(f"def time():\n    raise {error}\n")
    said = start(tmp_path, "def main(device):\n    print('app has', device)\n", b"SLcl")
    assert "booted\napp has the device\n" in said


def test_a_control_c_reaches_the_prompt(tmp_path: Path) -> None:
    """Whoever interrupts a boot has the prompt, and no app that takes it away again."""
    (tmp_path / "time.py").write_text("def time():\n    raise KeyboardInterrupt\n")
    with pytest.raises(AssertionError, match="KeyboardInterrupt") as caught:
        start(tmp_path, "def main(device):\n    print('app has', device)\n", b"SLcl")
    assert "app has" not in str(caught.value)


def test_first_boot_is_what_others_call() -> None:
    """The package's own door has the names that a reader's firmware relies on."""
    from startline.device import Device

    assert callable(startline.first_boot)
    assert callable(startline.main)
    for name in ("state", "token", "key", "serial", "model", "cloud", "reason", "retry", "race"):
        assert hasattr(Device, name)
        assert hasattr(startline.Unavailable(ValueError()), name)

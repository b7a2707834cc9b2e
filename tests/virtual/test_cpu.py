"""The process around the VM: its life and death, its pipes, and finding the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from startline_host.errors import BadInput
from startline_host.virtual.cpu import Cpu, CpuConfig
from startline_host.virtual.vm_binary import find_micropython
from startline_host.virtual.vm_stream import StreamPiece, VmStreamDecoder, frame, make_prefix
from tests.virtual.vm_harness import FLASH_SIZE, MAC, SECONDS, Vm, is_alive

PREFIX = b"\xff\x80\x81\x82\x83"
ROOT = Path(__file__).parents[2]


def pid_of(vm: Vm) -> int:
    """Return the child's process number, from the only place that has it."""
    child = vm.cpu._child
    assert child is not None
    return child.pid


def wait_until_gone(pid: int) -> None:
    """Wait, at most as long as anything may take, until a process is no more."""
    deadline = time.monotonic() + SECONDS
    while is_alive(pid):
        assert time.monotonic() < deadline, f"{pid} lives on"
        time.sleep(0.01)


def test_kill_ends_the_vm_before_it_returns(tmp_path: Path) -> None:
    """No child is left, nothing waits, and a killed CPU takes no bytes and tells nothing."""
    with Vm(tmp_path) as vm:
        vm.start()
        pid = pid_of(vm)
        vm.cpu.kill()
        assert not is_alive(pid)
        assert vm.cpu.fileno() is None
        vm.cpu.feed(b"x")
        assert vm.cpu.pump() is None
        vm.cpu.kill()
        vm.start("hard")


def test_the_descriptor_stays_over_a_soft_reboot(tmp_path: Path) -> None:
    """Who waits on `fileno()` need not know of soft reboots; input sent meanwhile is kept."""
    with Vm(tmp_path) as vm:
        vm.start()
        fd, pid = vm.cpu.fileno(), pid_of(vm)
        vm.feed(b"\x04print('sent ahead')\r")
        vm.until(b"\r\nsent ahead\r\n")
        assert vm.cpu.fileno() == fd
        assert pid_of(vm) != pid
        assert not is_alive(pid)


def test_a_vm_that_dies_by_itself_is_a_crash(tmp_path: Path) -> None:
    """Whatever ends the child from outside ends the life with a reason, after its last words."""
    with Vm(tmp_path) as vm:
        vm.start()
        vm.send("print('last words')\nwhile True: pass")
        vm.until(b"last words")
        os.kill(pid_of(vm), signal.SIGKILL)
        assert vm.until_end() == "crash"
        vm.start("crash")
        assert vm.run("import machine; print(machine.reset_cause())") == "2\n"


def test_the_vm_dies_with_the_process_that_runs_it(tmp_path: Path) -> None:
    """After kill -9 of the host process the VM is gone too, though it was computing."""
    program = """
import sys, time
from pathlib import Path
from tests.virtual.vm_harness import Vm
vm = Vm(Path(sys.argv[1]))
vm.start()
vm.send("print('runs')\\nwhile True:\\n    pass")
vm.until(b"runs")
print(vm.cpu._child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'firmware'}"},
    ) as host:
        assert host.stdout is not None
        pid = int(host.stdout.readline())
        assert is_alive(pid)
        host.kill()
        wait_until_gone(pid)


def test_a_real_chips_input_ring_drops_what_it_cannot_hold(tmp_path: Path) -> None:
    """With `input_ring` set, bytes beyond it are lost while the program reads nothing."""
    with Vm(tmp_path, input_ring=260) as vm:
        vm.start()
        vm.send(
            """
import sys, micropython
micropython.kbd_intr(-1)
print("ready")
print(len(sys.stdin.buffer.read(4)))
import time
time.sleep_ms(300)
print(len(sys.stdin.buffer.read(260)))
"""
        )
        vm.until(b"ready\r\n")
        vm.feed(b"0123")
        vm.until(b"4\r\n")
        vm.feed(b"x" * 400)
        vm.until(b"260\r\n\x04\x04>")
        vm.feed(b"\x02")
        vm.until(b">>> ")


def test_more_input_than_a_pipe_holds_waits_its_turn(tmp_path: Path) -> None:
    """Without a ring nothing is lost, however much comes while the program is busy."""
    with Vm(tmp_path) as vm:
        vm.start()
        vm.send(
            "import sys, time\nprint('ready')\ntime.sleep_ms(200)\n"
            "n = 0\nwhile n < 300000:\n    n += len(sys.stdin.buffer.read(1000))\nprint(n)"
        )
        vm.until(b"ready\r\n")
        vm.feed(b"x" * 300_000)
        deadline = time.monotonic() + SECONDS
        while b"300000\r\n" not in vm.out:
            assert time.monotonic() < deadline
            vm.cpu.pump()
            time.sleep(0.001)


def test_a_program_named_by_the_environment_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MICROPYTHON names the program; what cannot be run is refused with a way out."""
    monkeypatch.setenv("MICROPYTHON", "/bin/sh")
    assert find_micropython() == "/bin/sh"
    monkeypatch.setenv("MICROPYTHON", str(tmp_path / "none"))
    with pytest.raises(BadInput, match=r"MICROPYTHON names .*none") as raised:
        Cpu(
            CpuConfig(
                flash_path=tmp_path / "f", flash_size=FLASH_SIZE, mac=MAC, state_dir=tmp_path
            ),
            lambda _: None,
        )
    assert "pip install" in raised.value.hint


def test_no_micropython_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither beside Python nor on PATH: one sentence, and how to get one."""
    monkeypatch.delenv("MICROPYTHON", raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="no MicroPython") as raised:
        find_micropython()
    assert "MICROPYTHON=" in raised.value.hint


def test_frames_are_found_however_the_stream_is_cut() -> None:
    """Text is cooked, raw bytes are not, words go aside; every way to cut the stream gives the same."""
    stream = b"a\nb" + PREFIX + b"R\x03\x00c\nd" + frame(PREFIX, b"i\x03") + b"e\xff\xff\x80"
    whole = list(VmStreamDecoder(PREFIX).feed(stream))
    assert whole == [
        StreamPiece("line", b"a\r\nb"),
        StreamPiece("line", b"c\nd"),
        StreamPiece("word", b"i\x03"),
        StreamPiece("line", b"e\xff"),
    ]
    for cut in range(len(stream)):
        decoder = VmStreamDecoder(PREFIX)
        pieces = [*decoder.feed(stream[:cut]), *decoder.feed(stream[cut:]), *decoder.feed(b"\x00")]
        line = b"".join(data for kind, data in pieces if kind == "line")
        assert line == b"a\r\nbc\nde\xff\xff\x80\x00"
        assert [data for kind, data in pieces if kind == "word"] == [b"i\x03"]


def test_prefixes_differ_and_are_no_text() -> None:
    """Each life has its own prefix, and no UTF-8 text can contain it."""
    assert len({make_prefix() for _ in range(50)}) == 50
    for _ in range(50):
        with pytest.raises(UnicodeDecodeError):
            make_prefix().decode()

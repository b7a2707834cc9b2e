"""SIGKILL at moments of nobody's choosing, while the VM writes: what a power cut leaves behind."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import pytest

from tests.virtual import nvs_reader
from tests.virtual.vm_harness import NVS, Vm

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
from esp32 import NVS
one = NVS("n")
buffer = bytearray(8)
try:
    count = int(bytes(buffer[:one.get_blob("count", buffer)]))
except OSError:
    count = 0
print("go", count)
while True:
    count += 1
    one.set_blob("text", (b"%d " % count) * 120)
    one.set_i32("number", count)
    one.set_blob("count", b"%d" % count)
    one.commit()
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_the_partition_parses_and_goes_on(tmp_path: Path, seed: int) -> None:
    """After each kill -9 the next start finds sound bytes, and no value older than its commit."""
    moments = itertools.cycle((0.031, 0.107, 0.002, 0.19, 0.064) if seed == 1 else (0.011, 0.147))
    last = 0
    with Vm(tmp_path) as vm:
        for _ in range(8):
            vm.start()
            vm.send(WRITER)
            vm.until(b"go ")
            count = int(vm.until(b"\r\n"))
            assert count >= last
            last = count
            time.sleep(next(moments))
            vm.cpu.kill()
        vm.start()
        vm.cpu.kill()
        found = nvs_reader.values(vm.partition(NVS))
        count = int(bytes(found["n", "count"]))  # type: ignore[arg-type]
        assert count > 50
        assert found["n", "number"] in (count, count + 1)
        texts = [b"%d " % n * 120 for n in (count, count + 1)]
        assert found["n", "text"] in texts


def test_ctrl_c_never_tears_what_is_c_on_a_chip(tmp_path: Path) -> None:
    """Interrupts while flash and NVS are written end the program, not the operation."""
    moments = itertools.cycle((0.05, 0.071, 0.093, 0.11, 0.132))
    with Vm(tmp_path) as vm:
        vm.start()
        for _ in range(6):
            vm.send(
                "f = open('log', 'wb')\nprint('runs')\nfor _ in range(10**6):\n"
                "    f.seek(0)\n    f.write(b'0123456789' * 50)\n    f.flush()"
            )
            vm.until(b"runs\r\n")
            time.sleep(next(moments))
            vm.feed(b"\x03")
            assert b"KeyboardInterrupt" in vm.until(b"\x04>")
            vm.feed(b"\x02")
            vm.until(b">>> ")
            said = vm.run(
                "f.close()\nimport os\nprint(os.stat('log')[6] in (0, 500)); os.remove('log')"
            )
            assert said == "True\n"
            vm.send(WRITER)
            vm.until(b"go ")
            time.sleep(next(moments))
            vm.feed(b"\x03")
            assert b"KeyboardInterrupt" in vm.until(b"\x04>")
            vm.feed(b"\x02")
            vm.until(b">>> ")
            time.sleep(0.2)
        vm.start()
        vm.cpu.kill()
        assert int(bytes(nvs_reader.values(vm.partition(NVS))["n", "count"])) > 1  # type: ignore[arg-type]

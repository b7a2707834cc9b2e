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
begun = count
while True:
    count += 1
    one.set_blob("text", (b"%d " % count) * 120)
    one.set_i32("number", count)
    one.set_blob("count", b"%d" % count)
    one.commit()
    if count == begun + 1:
        print("on")
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
            vm.until(b"on\r\n")
            time.sleep(next(moments))
            vm.cpu.kill()
        vm.start()
        vm.cpu.kill()
        found = nvs_reader.values(vm.partition(NVS))
        count = int(bytes(found["n", "count"]))
        assert count >= 8
        assert found["n", "number"] in (count, count + 1)
        texts = [b"%d " % n * 120 for n in (count, count + 1)]
        assert found["n", "text"] in texts


#: Programs that never end, each with other work for the file system's C code.
FILE_WORK = (
    """f = open("log", "wb"); print("runs")
while True:
    f.seek(0)
    f.write(b"0123456789" * 50)
    f.flush()""",
    """print("runs")
while True:
    with open("new", "w") as f:
        f.write("0123456789" * 50)
    os.rename("new", "log")""",
    """f = open("log", "ab"); print("runs")
while True:
    f.write(b"0123456789")
    f.flush()""",
    """print("runs")
while True:
    open("log", "w").write("0123456789")""",
    """print("runs")
while True:
    os.listdir()
    os.stat("boot.py")""",
)
AFTERWARDS = """
import gc, os
gc.collect()
with open("other", "w") as file:
    file.write("sound" * 100)
print(open("other").read() == "sound" * 100)
for name in os.listdir():
    os.stat(name)
    len(open(name).read())
    if name in ("log", "new"):
        os.remove(name)
print(sorted(os.listdir()))
"""


def _interrupt(vm: Vm) -> None:
    vm.feed(b"\x03")
    assert b"KeyboardInterrupt" in vm.until(b"\x04>")
    vm.feed(b"\x02")
    vm.until(b">>> ")


def test_ctrl_c_never_tears_what_is_c_on_a_chip(tmp_path: Path) -> None:
    """Interrupts while files and NVS are written end the program, not the operation."""
    moments = itertools.cycle((0.002, 0.013, 0.007, 0.019, 0.004, 0.011, 0.016))
    with Vm(tmp_path) as vm:
        vm.start()
        for work in (*FILE_WORK, FILE_WORK[1]) * 5:
            vm.send("import os\n" + work)
            vm.until(b"runs\r\n")
            time.sleep(next(moments))
            _interrupt(vm)
            assert vm.run(AFTERWARDS) == "True\n['boot.py', 'other']\n"
        for _ in range(6):
            vm.send(WRITER)
            vm.until(b"go ")
            time.sleep(next(moments))
            _interrupt(vm)
        vm.start()
        vm.cpu.kill()
        assert int(bytes(nvs_reader.values(vm.partition(NVS))["n", "count"])) > 1


FORGETFUL = """
import gc, os
gc.threshold(%d)
def forget(name):
    file = open(name, "w")
    file.write(name * 50)
bad = []
for n in range(60):
    forget("a%%d" %% (n %% 5))
    for name in os.listdir():
        os.stat(name)
        text = open(name).read()
        if name[0] == "a" and text not in ("", name * 50):
            bad.append(name)
gc.threshold(-1)
gc.collect()
print(bad, len(os.listdir()))
"""


def test_forgotten_files_are_closed_between_two_operations_of_the_file_system(
    tmp_path: Path,
) -> None:
    """A collection never enters the file system while it is at work, however often one is due."""
    with Vm(tmp_path) as vm:
        vm.start()
        for threshold in (300, 2000, -1):
            assert vm.run(FORGETFUL % threshold) == "[] 6\n"

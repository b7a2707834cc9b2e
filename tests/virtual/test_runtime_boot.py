"""From reset to the prompt: the file system, boot.py and main.py, and what goes wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from littlefs import LittleFS

from tests.virtual.vm_harness import BANNER, VFS, Row, Vm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def vm(tmp_path: Path) -> Iterator[Vm]:
    """A chip that is off, its flash blank but for the table."""
    with Vm(tmp_path) as vm:
        yield vm


def put_files(vm: Vm, row: Row = VFS, **files: str) -> None:
    """Load a file system image that `littlefs-python` made."""
    image = LittleFS(block_size=4096, block_count=row[4] // 4096, disk_version=0x00020000)
    for name, text in files.items():
        with image.open(name + ".py", "w") as file:
            file.write(text)
    vm.write_flash(row[3], bytes(image.context.buffer))


def test_a_blank_partition_gets_a_file_system(vm: Vm) -> None:
    """The first start formats a blank partition and makes boot.py; littlefs-python reads it."""
    vm.start()
    vm.run("with open('note.txt', 'w') as file:\n    file.write('kept')")
    vm.cpu.kill()
    image = LittleFS(block_size=4096, block_count=VFS[4] // 4096, mount=False)
    image.context.buffer[:] = vm.partition(VFS)
    image.mount()
    assert sorted(image.listdir("/")) == ["boot.py", "note.txt"]
    with image.open("note.txt") as file:
        assert file.read() == "kept"
    vm.start()
    assert vm.run("print(open('note.txt').read())") == "kept\n"


def test_boot_and_main_run_in_one_namespace(vm: Vm) -> None:
    """boot.py, then main.py, then the prompt, all as `__main__`, with their file names."""
    put_files(
        vm,
        boot="import sys\nx = 1\nprint(__name__, __file__)\n",
        main="x += 1\nprint(__name__, __file__, x)\nimport module\n",
        module="print('module', __name__)\n",
    )
    vm.boot()
    said = vm.until(BANNER)
    assert said.startswith(
        b"__main__ boot.py\r\n__main__ main.py 2\r\nmodule module\r\nMicroPython v"
    )
    vm.feed(b"x, __name__\r")
    vm.until(b"(2, '__main__')")


def test_what_main_raises_is_shown_before_the_prompt(vm: Vm) -> None:
    """A traceback with the program's own frames only, and then the banner."""
    put_files(vm, main="def f():\n    raise ValueError('here')\nf()\n")
    vm.boot()
    assert vm.until(BANNER).splitlines()[:4] == [
        b"Traceback (most recent call last):",
        b'  File "main.py", line 3, in <module>',
        b'  File "main.py", line 2, in f',
        b"ValueError: here",
    ]


def test_main_is_left_out_when_boot_fails(vm: Vm) -> None:
    """As on the port, an exception in boot.py keeps main.py from running."""
    put_files(vm, boot="1/0\n", main="print('main')\n")
    vm.boot()
    said = vm.until(BANNER)
    assert b"ZeroDivisionError" in said
    assert b"main\r\n" not in said


def test_ctrl_c_stops_main(vm: Vm) -> None:
    """A main.py that never ends is interrupted and leaves the prompt."""
    put_files(vm, main="print('runs')\nwhile True:\n    pass\n")
    vm.boot()
    vm.until(b"runs\r\n")
    vm.feed(b"\x03")
    assert b"KeyboardInterrupt" in vm.until(BANNER)


def test_a_reset_runs_nothing_of_the_program_any_more(vm: Vm) -> None:
    """`machine.reset()` ends the life at once: no finally, no except, no later print."""
    put_files(
        vm,
        main="import machine\ntry:\n    print('a')\n    machine.reset()\n"
        "finally:\n    print('b')\n    open('x', 'w').close()\n",
    )
    vm.boot()
    vm.until(b"a\r\n")
    assert vm.until_end() == "reset"
    assert vm.out == b""
    vm.boot("soft_reset")
    vm.until(b"a\r\n")


def test_a_soft_reset_in_main_unwinds_and_starts_again(vm: Vm) -> None:
    """`machine.soft_reset()` runs `finally` blocks, closes open files, and boots again."""
    put_files(
        vm,
        main="import machine, os\nif 'x' in os.listdir():\n    print(open('x').read())\nelse:\n"
        "    try:\n        open('x', 'w').write('not closed')\n        machine.soft_reset()\n"
        "    finally:\n        print('unwound')\n",
    )
    vm.boot()
    assert vm.until(BANNER).startswith(b"unwound\r\nMPY: soft reboot\r\nnot closed\r\nMicroPython")


@pytest.mark.parametrize("first_bytes", [b"garbage", b"\xff" * 100 + b"\0"])
def test_a_corrupt_file_system_is_left_as_it_is(vm: Vm, first_bytes: bytes) -> None:
    """What is not blank is never formatted: the chip complains, again and again, until Ctrl-C."""
    vm.write_flash(VFS[3], first_bytes)
    before = vm.partition(VFS)
    vm.boot()
    vm.until(b"The filesystem appears to be corrupted.")
    vm.until(b"\r\n")
    vm.feed(b"\x03")
    assert b"KeyboardInterrupt" in vm.until(BANNER)
    assert vm.partition(VFS) == before
    assert vm.run("import sys; print(sys.platform)") == "esp32\n"


def test_without_any_partition_the_prompt_still_comes(tmp_path: Path) -> None:
    """A table without rows for nvs and file system leaves a chip that can be talked to."""
    with Vm(tmp_path, rows=[("factory", 0, 0, 0x10000, 0x3F0000)]) as vm:
        vm.start()
        said = vm.run(
            "from esp32 import NVS\ntry:\n    NVS('n')\nexcept OSError as error:\n    print(error)"
        )
        assert said == "(-4367, 'ESP_ERR_NVS_PART_NOT_FOUND')\n"


def test_files_that_a_program_forgot_are_closed_by_the_collector(vm: Vm) -> None:
    """The collector must not allocate; what it closes is in flash all the same."""
    vm.start()
    said = vm.run(
        """
import gc
for n in range(5):
    open("f%d" % n, "wb").write(bytes([n]) * 3000)
gc.collect()
print([len(open("f%d" % n, "rb").read()) for n in range(5)])
"""
    )
    assert said == "[3000, 3000, 3000, 3000, 3000]\n"


def test_the_host_is_out_of_reach(vm: Vm) -> None:
    """The chip's file system is the only one: no path, import or module leads to the host's."""
    vm.start()
    said = vm.run(
        """
import os, sys
print(os.listdir("/"), os.getcwd(), hasattr(os, "VfsPosix"))
for call in (lambda: open("/etc/passwd"), lambda: os.stat("/usr"), lambda: __import__("runtime.boot2")):
    try:
        call()
        print("reached")
    except (OSError, ImportError):
        pass
"""
    )
    assert said == "['boot.py'] / False\n"


def test_the_heap_is_as_large_as_it_is_told(tmp_path: Path) -> None:
    """`heap_size` bounds what a program has."""
    with Vm(tmp_path, heap_size="1M") as vm:
        vm.start()
        said = vm.run("import gc; gc.collect(); print(gc.mem_free() + gc.mem_alloc() < 1048576)")
        assert said == "True\n"
        assert "MemoryError" in vm.try_run("bytes(1 << 20)")[1]

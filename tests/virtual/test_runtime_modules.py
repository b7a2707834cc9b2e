"""The stand-ins for the port's modules, in the real VM, against facts known of real chips."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.virtual.vm_harness import BIND, FCTRY, ROWS, VFS, Vm

if TYPE_CHECKING:
    from pathlib import Path


def test_partitions_are_found_as_the_table_says(vm: Vm) -> None:
    """`find`, `info`, the running application and the way a partition prints."""
    said = vm.run(
        """
from esp32 import Partition
print([p.info() for p in Partition.find(Partition.TYPE_DATA, label="fctry")])
print([p.info()[4] for p in Partition.find(Partition.TYPE_DATA)])
print([p.info()[4] for p in Partition.find(Partition.TYPE_DATA, subtype=2)])
print(Partition.find(label="nothing"), Partition(Partition.RUNNING).info()[4])
print(Partition("bind"))
try:
    Partition("nothing")
except OSError as error:
    print(error)
"""
    )
    assert said.splitlines() == [
        "[(1, 2, 4177920, 16384, 'fctry', False)]",
        str([row[0] for row in ROWS if row[1] == 1]),
        "['nvs', 'fctry']",
        "[] factory",
        "<Partition type=1, subtype=64, address=4169728, size=8192, label=bind, encrypted=0>",
        "[Errno 2] ENOENT",
    ]


def test_blocks_are_written_like_nor_flash(vm: Vm) -> None:
    """With an offset bytes are programmed without erasing; without one the block is erased."""
    said = vm.run(
        """
from esp32 import Partition
bind = Partition("bind")
bind.writeblocks(0, b"\\xf0\\xf0", 10)
bind.writeblocks(0, b"\\x0f", 10)
buffer = bytearray(3)
bind.readblocks(0, buffer, 10)
print(bytes(buffer), bind.ioctl(4, 0), bind.ioctl(5, 0))
bind.writeblocks(1, b"\\x55" * 4096)
bind.ioctl(6, 0)
bind.readblocks(0, buffer, 10)
print(bytes(buffer))
for call in (lambda: bind.readblocks(2, bytearray(1)), lambda: bind.writeblocks(0, b"x"),
             lambda: bind.writeblocks(1, b"x" * 8192), lambda: bind.ioctl(6, 2)):
    try:
        call()
    except OSError as error:
        print(error)
"""
    )
    assert said.splitlines() == [
        "b'\\x00\\xf0\\xff' 2 4096",
        "b'\\xff\\xff\\xff'",
        "(-260, 'ESP_ERR_INVALID_SIZE')",
        "(-260, 'ESP_ERR_INVALID_SIZE')",
        "(-260, 'ESP_ERR_INVALID_SIZE')",
        "(-260, 'ESP_ERR_INVALID_SIZE')",
    ]
    assert vm.partition(BIND) == b"\xff" * 4096 + b"\x55" * 4096


def test_a_table_without_a_vfs_row_gets_one_at_the_end(tmp_path: Path) -> None:
    """Since 1.26 the port's tables have no such row: the file system takes the rest of the flash."""
    rows = [row for row in ROWS if row not in (VFS, BIND, FCTRY)]
    with Vm(tmp_path, rows=rows) as vm:
        vm.start()
        said = vm.run(
            "from esp32 import Partition; print(Partition('vfs').info(), open('boot.py'))"
        )
        assert said.startswith("(1, 129, 2097152, 2097152, 'vfs', False) <")


def test_the_chip_names_itself_as_the_port_does(vm: Vm) -> None:
    """Platform, machine and MAC are a chip's; tools and programs ask for them."""
    said = vm.run(
        """
import sys, os, machine, esp
from machine import *
print(sys.platform, os.uname()[0], os.uname().machine, sys.implementation._machine)
print(sys.implementation.name, sys.path, sys.argv, reset_cause() == PWRON_RESET)
print(machine.unique_id(), esp.flash_size(), machine.freq(), str(os.uname())[:20])
print(hasattr(os, "system"), machine)
"""
    )
    assert said.splitlines() == [
        "esp32 esp32 Generic ESP32 module with ESP32 Generic ESP32 module with ESP32",
        "micropython ['', '.frozen', '/lib'] [] True",
        "b'$o(\\x00\\x00\\x01' 4194304 160000000 (sysname='esp32', no",
        "False <module 'machine'>",
    ]


def test_the_clock_starts_in_2000_and_runs_on_over_a_reset(vm: Vm) -> None:
    """After power-on it is 2000-01-01; `machine.reset()` keeps time and RTC memory, power-off not."""
    assert (
        vm.run("import time; print(time.gmtime()[:3], time.time() < 60)") == "(2000, 1, 1) True\n"
    )
    vm.run(
        """
import machine
machine.RTC().datetime((2026, 11, 21, 0, 10, 0, 0, 0))
machine.RTC().memory(b"kept")
"""
    )
    vm.send("import machine; machine.reset()")
    assert vm.until_end() == "reset"
    vm.start("soft_reset")
    ask = "import time, machine; print(time.localtime()[:5], machine.RTC().memory(), machine.reset_cause())"
    assert vm.run(ask) == "(2026, 11, 21, 10, 0) b'kept' 2\n"
    vm.start("hard")
    assert vm.run(ask) == "(2000, 1, 1, 0, 0) b'' 1\n"


def test_the_calendar_counts_from_2000(vm: Vm) -> None:
    """Epoch, weekday and day of the year are the port's; `mktime` and `gmtime` are inverse."""
    said = vm.run(
        """
import time, machine
print(time.gmtime(0), time.mktime((2026, 11, 21, 10, 0, 0, 0, 0)), time.gmtime(848570400))
machine.RTC().init((2024, 2, 29, 23, 58, 0, 0, 0))
print(machine.RTC().datetime()[:5], time.time() - time.time_ns() // 1000000000 in (0, 1))
try:
    machine.RTC().memory(bytes(2049))
except ValueError as error:
    print(error)
"""
    )
    assert said.splitlines() == [
        "(2000, 1, 1, 0, 0, 0, 5, 1) 848570400 (2026, 11, 21, 10, 0, 0, 5, 325)",
        "(2024, 2, 29, 3, 23) True",
        "buffer too long",
    ]


def test_ticks_count_from_the_start_and_wrap_as_on_the_chip(vm: Vm) -> None:
    """Milliseconds start near zero; sums and differences work modulo 2**30."""
    said = vm.run(
        """
import time
print(time.ticks_ms() < 60000, time.ticks_add(2**30 - 1, 2), time.ticks_diff(1, 2**30 - 1))
before = time.ticks_ms()
time.sleep(0.05)
print(time.ticks_diff(time.ticks_ms(), before) >= 50)
"""
    )
    assert said == "True 1 2\nTrue\n"


def test_an_unfed_watchdog_resets_the_chip(vm: Vm) -> None:
    """A program that stops feeding is ended; one that feeds in time is not."""
    vm.send(
        """
import machine, time
dog = machine.WDT(timeout=400)
for _ in range(4):
    time.sleep_ms(200)
    dog.feed()
print("still here")
while True:
    pass
"""
    )
    vm.until(b"still here")
    assert vm.until_end() == "wdt"
    vm.start("wdt")
    assert vm.run("import machine; print(machine.reset_cause() == machine.WDT_RESET)") == "True\n"


def test_deep_sleep_ends_the_life_and_tells_for_how_long(vm: Vm) -> None:
    """The chip is told how long to stay down, and the next life knows why it began."""
    vm.send("import machine; machine.deepsleep(1500)")
    assert (vm.until_end(), vm.cpu.sleep_ms) == ("deepsleep", 1500)
    vm.start("deepsleep")
    said = vm.run("import machine; print(machine.reset_cause() == machine.DEEPSLEEP_RESET)")
    assert said == "True\n"


def test_pins_and_timers(vm: Vm) -> None:
    """Outputs are seen outside, inputs come from the world, timers run while the program sleeps."""
    vm.set_world(pins={"0": 0})
    said = vm.run(
        """
from machine import Pin, Timer, Signal
import time
led = Pin(2, Pin.OUT, value=1)
print(led.value(), Pin(0, Pin.IN, Pin.PULL_UP).value(), Pin(4, Pin.IN, Pin.PULL_UP)(), led)
Signal(led, invert=True).on()
print(led.value())
hits = []
timer = Timer(0)
timer.init(period=20, mode=Timer.PERIODIC, callback=lambda t: hits.append(t is timer))
Timer(1).init(period=10, mode=Timer.ONE_SHOT, callback=lambda t: hits.append("once"))
while len(hits) < 4:
    time.sleep_ms(10)
timer.deinit()
print(hits[0], hits.count("once"), hits[-1])
led.on()
"""
    )
    assert said.splitlines() == ["1 0 1 Pin(2)", "0", "once 1 True"]
    assert vm.cpu.pins == {2: 1}


def test_time_goes_on_for_the_agent_while_nothing_else_does(vm: Vm) -> None:
    """`time.time()` follows the host's seconds."""
    started = time.monotonic()
    first = int(vm.run("import time; print(time.time_ns() // 1000000)"))
    time.sleep(0.2)
    second = int(vm.run("import time; print(time.time_ns() // 1000000)"))
    assert second - first >= 200
    assert second - first <= (time.monotonic() - started) * 1000 + 1

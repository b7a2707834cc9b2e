"""The times of files: those of the chip's clock, also within the second in which it was set."""

from __future__ import annotations

import time

from tests.virtual.vm_harness import BANNER, Vm


def test_files_have_the_times_of_the_chips_clock(vm: Vm) -> None:
    """From power-on in 2000, after the clock was set, and over resets and another power-on."""
    said = vm.run(
        """
import machine, os, time
def write(name):
    before = time.time()
    with open(name, "w") as file:
        file.write("x")
    return os.stat(name)[8] - before in (0, 1), time.gmtime(os.stat(name)[7])[:2]
print(write("early"))
time.sleep(1)  # the times of files are whole seconds
machine.RTC().datetime((2026, 11, 21, 0, 10, 0, 0, 0))
print(write("late"))
os.mkdir("folder")
print(os.stat("folder")[7:], time.gmtime(os.stat("early")[8])[0])
"""
    )
    assert said.splitlines() == [
        "(True, (2000, 1))",
        "(True, (2026, 11))",
        "(0, 0, 0) 2000",
    ]
    show = (
        "import os, time; print([time.gmtime(os.stat(n)[8])[:2] for n in ('early', 'late')], "
        "time.gmtime()[0])"
    )
    vm.feed(b"\x04")
    vm.until(BANNER)
    assert vm.run(show) == "[(2000, 1), (2026, 11)] 2026\n"
    time.sleep(1)
    vm.start("hard")
    assert vm.run(show) == "[(2000, 1), (2026, 11)] 2000\n"


YEARS = """
import machine, os, time
def year(name):
    return time.gmtime(os.stat(name)[8])[0]
def set_year(number):
    machine.RTC().datetime((number, 1, 1, 0, 0, 0, 0, 0))
"""


def test_the_clock_is_set_within_a_second_of_a_file(vm: Vm) -> None:
    """What was written before keeps its time, by whatever name; what is written after has the new one."""
    said = vm.run(
        YEARS
        + """
for number in (2024, 2025, 2026):
    set_year(number)
    with open("in %d" % number, "w") as file:
        file.write("x")
late = open("late", "w")
again = open("in 2025", "a")
set_year(2027)
late.write("x")
late.close()
again.close()
os.mkdir("folder")
os.rename("in 2024", "folder/moved")
os.rename("folder", "other")
os.chdir("other")
with open("here", "w") as file:
    print("text", file=file)
set_year(2030)
print([year(name) for name in ("/in 2025", "/in 2026", "/late", "moved", "here", "/other/here")])
print(os.stat("here")[7:] == (os.stat("/other/here")[8],) * 3, time.gmtime()[0], os.stat("/other")[8])
os.chdir("/")
with open("now", "w") as file:
    file.write("x")
print(0 <= time.time() - os.stat("now")[8] <= 1)
"""
    )
    assert said.splitlines() == [
        "[2025, 2026, 2027, 2024, 2027, 2027]",
        "True 2030 0",
        "True",
    ]
    vm.start("power_on")
    said = vm.run(
        YEARS
        + "print([year(n) for n in ('in 2025', 'late', 'other/moved', 'now')], time.gmtime()[0])"
    )
    assert said == "[2025, 2027, 2024, 2030] 2000\n"

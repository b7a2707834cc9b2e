"""`machine` as the port has it: what interrupts a pin, how the RTC is set, small blocks, sleep."""

from __future__ import annotations

import os
import signal
import time

from tests.virtual.vm_harness import Vm


def test_a_pins_interrupt_is_an_object(vm: Vm) -> None:
    """One for each pin, with its trigger; called, it calls the handler. Wake-ups are not imitated."""
    said = vm.run(
        """
from machine import Pin
heard = []
pin = Pin(4, Pin.IN)
irq = pin.irq(heard.append, Pin.IRQ_RISING)
print(irq, irq is pin.irq() is Pin(4).irq(), irq.trigger(), irq.trigger(Pin.IRQ_FALLING), irq.trigger())
irq()
print(heard == [pin])
pin.irq(handler=None)
irq()
print(len(heard), irq.trigger(), Pin(5).irq().trigger(), pin.irq(heard.append).trigger())
for wrong in (lambda: pin.irq(print, Pin.WAKE_LOW, 9), lambda: pin.irq(print, Pin.WAKE_LOW, "x"),
              lambda: Pin(5).irq(trigger=Pin.WAKE_HIGH, wake=2), lambda: pin.irq(None, Pin.WAKE_LOW, 4),
              lambda: pin.irq(print, 1.5), lambda: irq(1)):
    try:
        wrong()
        print("taken")
    except Exception as error:
        print(type(error).__name__, error)
"""
    )
    lines = said.splitlines()
    assert lines[:3] == ["<IRQ> True 1 1 2", "True", "1 0 0 3"]
    assert lines[3:7] == [
        "ValueError bad wake value",
        "ValueError bad wake value",
        "ValueError invalid pin for wake",
        "NotImplementedError wake-up by pins is not imitated by the virtual ESP32",
    ]
    assert [line.split()[0] for line in lines[7:]] == ["TypeError", "TypeError"]


def test_the_rtc_takes_eight_whole_numbers(vm: Vm) -> None:
    """`datetime` has the weekday fourth, `init` the hour; anything else is refused and sets nothing."""
    said = vm.run(
        """
from machine import RTC
rtc = RTC()
rtc.datetime([2026, 11, 27, 6, 14, 15, 16, 17])
print(rtc.datetime()[:6])
rtc.init((2025, 2, 3, 4, 5, 6, 0, 0))
print(rtc.datetime()[:6])
for wrong in ((2026, 1, 1), (2026, 1, 1, 0, 0, 0, 0), 5, (2026, 1, 0.5, 0, 0, 0, 0, 0)):
    for call in (rtc.datetime, rtc.init):
        try:
            call(wrong)
        except (TypeError, ValueError) as error:
            print(error)
print(rtc.datetime()[:4])
"""
    )
    assert said.splitlines() == [
        "(2026, 11, 27, 4, 14, 15)",
        "(2025, 2, 3, 0, 4, 5)",
        *["requested length 8 but object has length 3"] * 2,
        *["requested length 8 but object has length 7"] * 2,
        *["object 'int' isn't a tuple or list"] * 2,
        *["can't convert float to int"] * 2,
        "(2025, 2, 3, 0)",
    ]


def test_small_blocks_keep_the_rest_of_their_sector(vm: Vm) -> None:
    """A write erases the sector under a small block and puts the rest back; it cannot be erased alone."""
    said = vm.run(
        """
from esp32 import Partition
kind = Partition.TYPE_DATA
whole = Partition.find(kind, label="bind")[0]
whole.writeblocks(0, bytes(range(256)) * 32)
small = Partition.find(kind, label="bind", block_size=512)[0]
small.writeblocks(7, b"x" * 1024)
now = bytearray(8192)
whole.readblocks(0, now)
print(small.ioctl(4, 0), small.ioctl(5, 0), small.ioctl(6, 0))
print(now == bytes(range(256)) * 14 + b"x" * 1024 + bytes(range(256)) * 14)
"""
    )
    assert said.splitlines() == ["16 512 -22", "True"]


def test_timers_keep_step_with_a_program_that_only_sleeps(vm: Vm) -> None:
    """A computer that lets the VM wait moves no timer against its sleeps; the clock is looked at again in the end."""
    vm.send(
        """
import time
from machine import Timer
hits = []
def begin(**options):
    hits.clear()
    timer.init(callback=hits.append, **options)
    print("begun")
    time.sleep_ms(200)
    seen.append(len(hits))
timer, seen = Timer(0), []
begin(mode=Timer.ONE_SHOT, period=300)
time.sleep_ms(200)
seen.append(len(hits))
begin(period=30)
timer.deinit()
begin(mode=Timer.ONE_SHOT, period=300)
while not hits:
    time.ticks_ms()
print(seen)
"""
    )
    for _ in range(3):
        vm.until(b"begun")
        os.kill(vm.cpu.pid, signal.SIGSTOP)
        time.sleep(0.4)
        os.kill(vm.cpu.pid, signal.SIGCONT)
    assert vm.until(b"\x04") == b"\r\n[0, 1, 6, 0]\r\n\x04"

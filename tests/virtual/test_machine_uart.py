"""`machine.UART` and the crystal: a line of its own to the outside, and a clock that drifts."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from startline_host.errors import BadInput
from startline_host.virtual import VirtualEsp32
from startline_host.virtual.chip_options import check_ppm
from tests.virtual.vm_harness import BANNER, SECONDS, Vm

if TYPE_CHECKING:
    from pathlib import Path

    from startline_host.virtual.flash import NorFlash


class UartModule:
    """What is connected to a UART: keeps what it hears."""

    def __init__(self) -> None:
        self.heard = bytearray()

    def write(self, data: bytes) -> None:
        """Take bytes from the chip."""
        self.heard += data


def wait(vm: Vm, mark: bytes) -> bytes:
    """Wait for a line of the script."""
    return vm.until(mark + b"\r\n")


def test_bytes_go_both_ways(vm: Vm) -> None:
    """What the program writes is heard outside; what is said there is read in every way there is."""
    module = UartModule()
    vm.cpu.uarts.line(1).plug_in(module)
    vm.send(
        """
from machine import UART
import select, sys
uart = UART(1, 9600, tx=4, rx=5, timeout=2000)
print(uart)
print(uart.write(b"bytes "), uart.write("text"), uart.write(bytearray(b"xyz"), 2), uart.txdone())
print("say")
poll = select.poll()
poll.register(uart, select.POLLIN)
print(len(poll.poll(5000)))
buffer = bytearray(4)
print(uart.readline(), uart.read(3), uart.readinto(buffer), bytes(buffer), uart.readinto(buffer, 1))
uart.init(timeout=0)
print(uart.read(), uart.any(), uart.readline(), uart.readinto(buffer), select.select([uart], [], [], 0))
print("again")
print([len(part) for part in select.select([uart], [], [], 5)])
print([len(part) for part in select.select([uart], [uart], [], 5)])
"""
    )
    assert wait(vm, b"say").decode().splitlines() == [
        (
            "UART(1, baudrate=9600, bits=8, parity=None, stop=1, tx=4, rx=5, rts=-1, cts=-1, "
            "txbuf=256, rxbuf=256, timeout=2000, timeout_char=0, irq=0)"
        ),
        "6 4 2 True",
        "say",
    ]
    assert module.heard == b"bytes textxy"
    vm.cpu.uarts.line(1).push(b"a line\n123ABCDE")
    assert wait(vm, b"again").decode().splitlines() == [
        "1",
        "b'a line\\n' b'123' 4 b'ABCD' 1",
        "None 0 None None ([], [], [])",
        "again",
    ]
    vm.cpu.uarts.line(1).push(b"x")
    assert vm.until(b"\x04") == b"[1, 0, 0]\r\n[1, 1, 0]\r\n\x04"


def test_a_receiver_that_nobody_reads_overflows(vm: Vm) -> None:
    """`rxbuf` and the hardware's FIFO hold bytes; a 129th resets that, and later ones are kept again."""
    vm.cpu.uarts.line(2).push(b"before the receiver is on")
    vm.send(
        """
from machine import UART
import sys
uart = UART(2, rxbuf=512)
print("on")
sys.stdin.readline()
print(uart.any())
print(uart.read(100) == b"x" * 100, uart.any())
print("room")
sys.stdin.readline()
print(uart.any(), uart.read() == b"x" * 412 + b"-" * 100 + b"y" * 128, uart.any())
uart.deinit()
print("off")
sys.stdin.readline()
print(uart.read(), uart.write(b"x"))
try:
    uart.any()
except OSError as error:
    print(error)
UART(2)
"""
    )
    line = vm.cpu.uarts.line(2)
    wait(vm, b"on")
    line.push(b"x" * 640 + b"lost" + b"x" * 255 + b"-" * 100)
    vm.feed(b"\n")
    assert wait(vm, b"room") == b"512\r\nTrue 512\r\nroom\r\n"
    line.push(b"y" * 128)
    vm.feed(b"\n")
    assert wait(vm, b"off") == b"512 True 0\r\noff\r\n"
    line.push(b"z" * 5)
    vm.feed(b"\n")
    assert vm.until(b"\x04").endswith(b"None None\r\n[Errno 1] EPERM: ESP_FAIL\r\n\x04")
    assert vm.cpu.uarts.lost() == {1: 0, 2: 25 + 3 * 129 + 5}


def test_interrupts_of_a_uart_call_back(vm: Vm) -> None:
    """IRQ_RX comes with data, IRQ_RXIDLE when the line is silent; what a handler raises is shown."""
    vm.send(
        """
from machine import UART
import time
uart = UART(1, 115200)
seen = []
def handler(port):
    seen.append((port is uart, irq.flags(), port.read()))
irq = uart.irq(handler, UART.IRQ_RX | UART.IRQ_RXIDLE)
print("armed", irq.trigger())
while len(seen) < 2:
    time.sleep_ms(1000)
print(seen)
uart.irq(lambda port: 1 / 0, UART.IRQ_RX)
print("again")
end = time.ticks_ms() + 10000
while not uart.any() and time.ticks_ms() < end:
    pass
time.sleep_ms(10)
uart.irq(None)
for wrong in (lambda: uart.irq(5), lambda: uart.irq(print, 8), lambda: uart.irq(print, 1, True)):
    try:
        wrong()
    except ValueError as error:
        print(error)
"""
    )
    wait(vm, b"armed 4097")
    vm.cpu.uarts.line(1).push(b"tag")
    assert wait(vm, b"again").startswith(b"[(True, 1, b'tag'), (True, 4096, None)]")
    vm.cpu.uarts.line(1).push(b"tag")
    said = vm.until(b"\x04").decode().splitlines()
    assert "ZeroDivisionError: divide by zero" in said
    assert said[-4:-1] == [
        "handler must be None or callable",
        "trigger 0x0008 unsupported",
        "hard IRQ is not supported",
    ]


def test_asyncio_reads_a_uart(vm: Vm) -> None:
    """A StreamReader on a UART wakes up with the data."""
    vm.send(
        """
import asyncio
from machine import UART
async def main():
    stream = asyncio.StreamReader(UART(1))
    print("waits")
    print(await stream.readline())
asyncio.run(main())
"""
    )
    wait(vm, b"waits")
    vm.cpu.uarts.line(1).push(b"E2801160600002\r\n")
    assert vm.until(b"\x04") == b"b'E2801160600002\\r\\n'\r\n\x04"


def test_a_soft_reboot_switches_the_receiver_off(vm: Vm) -> None:
    """What came in before is gone, and settings are the default's again."""
    vm.run("from machine import UART; print(UART(1, 9600, rxbuf=1024))")
    vm.cpu.uarts.line(1).push(b"old")
    vm.feed(b"\x04")
    vm.until(BANNER)
    vm.cpu.uarts.line(1).push(b"between")
    said = vm.run("from machine import UART; u = UART(1); print(u, u.any())")
    assert "baudrate=115201" in said
    assert "rxbuf=256" in said
    assert said.endswith(" 0\n")


def test_wrong_settings_are_refused(vm: Vm) -> None:
    """As the port words it; UART(0) is the prompt's, which says so."""
    said = vm.run(
        """
from machine import Pin, UART
for wrong in (lambda: UART(3), lambda: UART(0), lambda: UART(1, bits=9), lambda: UART(1, stop=3),
              lambda: UART(1, rxbuf=100), lambda: UART(1, invert=1), lambda: UART(1, flow=4),
              lambda: UART(2, tx=99), lambda: UART(2, rx=24), lambda: UART(2, tx=34),
              lambda: UART(2, tx=17, rts=Pin(39))):
    try:
        wrong()
    except Exception as error:
        print(error)
print(UART(1, 38400, parity=1, stop=2, bits=7, invert=UART.INV_TX | UART.INV_RX, flow=UART.RTS))
"""
    )
    assert said.splitlines() == [
        "UART(3) does not exist",
        "UART(0), the prompt's line, is not imitated as an object",
        "invalid data bits",
        "invalid stop bits",
        "[Errno 1] EPERM: ESP_FAIL",
        "invalid inversion mask",
        "invalid flow control mask",
        "invalid pin",
        "invalid pin",
        "[Errno 1] EPERM: ESP_FAIL",
        "[Errno 1] EPERM: ESP_FAIL",
        (
            "UART(1, baudrate=38400, bits=7, parity=1, stop=2, tx=10, rx=9, rts=-1, cts=-1, "
            "txbuf=256, rxbuf=256, timeout=0, timeout_char=0, irq=0, invert=INV_TX|INV_RX, flow=RTS)"
        ),
    ]


def test_a_crystal_that_is_off_moves_ticks_sleep_and_clock(tmp_path: Path) -> None:
    """A tenth too fast: what the chip takes for 1.1 seconds lasts one, on every clock it has."""
    with Vm(tmp_path, ppm=100_000) as vm:
        vm.start()
        vm.feed(b"\x01")
        vm.until(b"to exit\r\n>")
        ask = (
            b"import time, machine\n"
            b"print((time.ticks_ms(), time.ticks_us(), time.time_ns() // 1000, "
            b"machine.RTC().datetime()[6:]))\x04"
        )
        readings = []
        for _ in range(2):
            before = time.monotonic()
            vm.feed(ask)
            vm.until(b"OK")
            values = eval(vm.until(b"\x04\x04>")[:-3])  # noqa: S307 - what we had printed
            readings.append((before, values, time.monotonic()))
            time.sleep(1.0)
        (b0, (ms0, us0, ns0, rtc0), a0), (b1, (ms1, us1, ns1, rtc1), a1) = readings
        least, most = (b1 - a0) * 1.1, (a1 - b0) * 1.1
        for passed in (
            (ms1 - ms0) / 1000,
            (us1 - us0) / 1e6,
            (ns1 - ns0) / 1e6,
            rtc1[0] - rtc0[0] + (rtc1[1] - rtc0[1]) / 1e6,
        ):
            assert least - 0.01 <= passed <= most + 0.01
        vm.feed(b"import time\nt = time.ticks_us()\ntime.sleep(1.1)\nd = time.ticks_us() - t\x04")
        began = time.monotonic()
        vm.until(b"OK\x04\x04>")
        vm.feed(b"print(d >= 1100000)\x04")
        vm.until(b"True")
        assert time.monotonic() - began >= 0.99


def test_every_wait_lasts_by_the_chips_own_crystal(tmp_path: Path) -> None:
    """A tenth too slow: what is waited for is never shorter than asked on the chip's own clock."""
    with Vm(tmp_path, ppm=-100_000) as vm:
        vm.start()
        said = vm.run(
            """
import asyncio, machine, select, socket, time
quiet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
quiet.settimeout(0.3)
poll = select.poll()
poll.register(quiet, select.POLLIN)
uart = machine.UART(1, tx=4, rx=5, timeout=300)
late = []
async def sleep():
    await asyncio.sleep_ms(300)
def receive():
    try:
        quiet.recv(1)
    except OSError:
        pass
def alarm():
    machine.Timer(0, mode=machine.Timer.ONE_SHOT, period=300, callback=late.append)
    while not late:
        time.sleep_us(200)
for wait in (lambda: poll.poll(300), lambda: select.select([quiet], [], [], 0.3), receive, alarm,
             lambda: uart.read(1), lambda: machine.lightsleep(300), lambda: time.sleep_ms(300),
             lambda: asyncio.run(sleep())):
    began = time.ticks_us()
    wait()
    print(time.ticks_diff(time.ticks_us(), began) >= 299000, end=" ")
"""
        )
        assert said == "True " * 8
        for asked, sleeps in (("1000", 1112), ("0", 2), ("-1", 0), ("", 0)):
            vm.send(f"import machine; machine.deepsleep({asked})")
            assert (vm.until_end(), vm.cpu.sleep_ms) == ("deepsleep", sleeps)
            vm.start("deepsleep")


@pytest.mark.parametrize("ppm", [100_001.0, -1e6, float("nan")])
def test_an_absurd_crystal_is_refused(ppm: float) -> None:
    """Beyond a tenth the option is a mistake."""
    with pytest.raises(BadInput, match="is not one"):
        check_ppm(ppm)


def test_the_chips_process_opens_a_port_for_each_uart(tmp_path: Path, bootable: NorFlash) -> None:
    """A program on a TCP port is the module on the UART; a paced line takes its baud rate's time."""
    flash = tmp_path / "flash.bin"
    flash.write_bytes(bootable.read(0, bootable.size))
    with VirtualEsp32(flash, uart1=0, uart2=0, raw=True, paced=True, ppm=20.0) as chip:
        assert chip.raw_url is not None
        assert chip.uart1_url is not None
        assert chip.uart2_url is not None
        prompt = connect(chip.raw_url)
        prompt.sendall(b"\r\x03\x01")
        expect_text(prompt, b"raw REPL; CTRL-B to exit\r\n>")
        prompt.sendall(
            b"from machine import UART; import time\nu = UART(2, 9600, rxbuf=300, txbuf=256)\n"
            b"t = time.ticks_ms(); n = u.write(bytes(960)); t = time.ticks_diff(time.ticks_ms(), t)\n"
            b"print(n, t >= 550, u.txdone()); u.flush(); print(u.txdone())\n"
            b"print('listening')\nwhile u.any() < 300: pass\n"
            b"time.sleep(0.6)\nprint('any', u.any(), len(u.read()))\x04"
        )
        module, other = connect(chip.uart2_url), connect(chip.uart1_url)
        expect_text(prompt, b"960 True False\r\nTrue\r\nlistening\r\n")
        began = time.monotonic()
        module.sendall(bytes(600))
        expect_text(prompt, b"any 300 342\r\n")
        assert time.monotonic() - began >= 600 / 960
        assert chip.uart_lost(2) == 600 - 342
        for end in (prompt, module, other):
            end.close()


def connect(url: str) -> socket.socket:
    """Open a `socket://` URL."""
    host, _, port = url.removeprefix("socket://").partition(":")
    return socket.create_connection((host, int(port)), SECONDS)


def expect_text(end: socket.socket, mark: bytes) -> None:
    """Read until a mark comes."""
    seen = b""
    while mark not in seen:
        data = end.recv(4096)
        assert data, seen
        seen += data

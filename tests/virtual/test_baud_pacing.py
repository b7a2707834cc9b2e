"""A line with a modelled baud rate keeps its pace and loses nothing."""

from __future__ import annotations

import asyncio
import time

from startline_host.virtual.baud_pacing import BaudPacer
from startline_host.virtual.uart import UartCounts, UartHub


def test_without_a_pace_bytes_arrive_at_once() -> None:
    """An instant wire delivers before `push` returns, and knows what a line would have taken."""
    received: list[bytes] = []
    wire = BaudPacer(received.append, lambda: 1000)
    wire.push(b"at once")
    assert (received, wire.carried, wire.busy) == ([b"at once"], 7, 0.07)


def test_a_paced_wire_is_no_faster_than_its_rate() -> None:
    """1000 bytes at 100000 baud take at least their 0.1 seconds, and arrive whole."""

    async def send() -> float:
        received = bytearray()
        wire = BaudPacer(received.extend, lambda: 100_000, paced=True)
        start = time.monotonic()
        for piece in range(10):
            wire.push(bytes((piece,)) * 100)
        while len(received) < 1000:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert received == b"".join(bytes((piece,)) * 100 for piece in range(10))
        assert wire.backlog == 0
        return time.monotonic() - start

    assert asyncio.run(send()) >= 0.1


def test_what_waits_can_be_dropped() -> None:
    """Purging forgets the bytes that have not arrived, and the next ones still do."""

    async def send() -> bytes:
        received = bytearray()
        wire = BaudPacer(received.extend, lambda: 100_000, paced=True)
        wire.push(b"old" * 1000)
        wire.clear()
        wire.push(b"new")
        while not received.endswith(b"new"):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        return bytes(received)

    assert b"old" not in asyncio.run(send())


class PacedHost:
    """A plug that keeps what it gets."""

    def __init__(self) -> None:
        self.got = b""

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.got += data


def test_a_paced_line_holds_the_output_up() -> None:
    """A chip that says more than its line can carry is held up, and goes on when it has room."""

    async def flood() -> None:
        uart = UartHub(paced=True)
        told: list[bool] = []
        uart.baud = 1_000_000
        uart.pause_output = told.append
        uart.send(b"x" * 10_000)
        assert told == [True]
        async with asyncio.timeout(10):
            while told != [True, False]:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    asyncio.run(flood())


def test_every_plug_hears_the_chip() -> None:
    """All connected hosts get the output, none gets what came before; both ways are counted."""
    uart, first, second = UartHub(), PacedHost(), PacedHost()
    uart.send(b"unheard ")
    uart.plug_in(first)
    uart.send(b"one ")
    uart.plug_in(second)
    uart.send(b"both")
    uart.unplug(first)
    uart.push(b"typed")
    assert (first.got, second.got) == (b"one both", b"both")
    assert uart.counts == UartCounts(received=5, sent=16, busy=210 / 115200)


def test_one_slow_host_holds_the_output_up() -> None:
    """The chip pauses while any host is full, and goes on when none is, or it has gone."""
    uart, first, second = UartHub(), PacedHost(), PacedHost()
    told: list[bool] = []
    uart.pause_output = told.append
    for plug in (first, second):
        uart.plug_in(plug)
        uart.set_full(plug, full=True)
    uart.set_full(first, full=False)
    assert told == [True]
    uart.unplug(second)
    assert told == [True, False]

"""Events and text, told apart in whatever pieces the bytes arrive."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from startline.events import encode

from startline_host.device.console import ConsoleLine, ConsoleParser, Event

BOOT = encode("boot", 0, 12, {"version": "0.1.0"})
SERIAL = "Çıkış 起点"
READY = encode("ready", 1, 3456, {"state": "bound", "token": "A" * 64, "serial": SERIAL})
ROM = (
    b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
)


def names(items: list[Event | ConsoleLine]) -> list[str]:
    """Name the events, and quote the lines."""
    return [item.name if isinstance(item, Event) else repr(item.line) for item in items]


def whole(data: bytes) -> list[Event | ConsoleLine]:
    """Feed everything at once."""
    console = ConsoleParser()
    return console.feed(data) + console.rest()


def test_events_and_text_come_out_in_their_order() -> None:
    """Text before, between and after events stays text, and the events have all their fields."""
    items = whole(ROM + BOOT + b"hello\r\n" + READY + b"bye")
    assert names(items) == [
        "'ets Jul 29 2019 12:21:46'",
        "'rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)'",
        "boot",
        "'hello'",
        "ready",
        "'bye'",
    ]
    ready = items[4]
    assert isinstance(ready, Event)
    assert (ready.number, ready.ms) == (1, 3456)
    assert ready.fields == {"state": "bound", "token": "A" * 64, "serial": SERIAL}


def test_the_line_end_of_a_uart_changes_nothing() -> None:
    """MicroPython's UART turns LF into CR LF, and the event is still intact."""
    assert names(whole(BOOT.replace(b"\n", b"\r\n"))) == ["boot"]


def test_a_restart_inside_a_record_costs_that_record_only() -> None:
    """Boot messages in the middle of a record make it text; the next event is whole again."""
    items = whole(READY[:30] + ROM + BOOT)
    assert [item.name for item in items if isinstance(item, Event)] == ["boot"]
    assert all("\x1e" not in item.line for item in items if isinstance(item, ConsoleLine))


def test_a_new_record_ends_a_torn_one() -> None:
    """A record that lost its end does not swallow the one behind it."""
    assert names(whole(READY[:40] + BOOT))[-1] == "boot"


def test_a_changed_byte_makes_an_event_text() -> None:
    """A record whose checksum does not hold is never taken for an event."""
    assert not [
        item for item in whole(READY.replace(b"bound", b"bounb")) if isinstance(item, Event)
    ]


def test_endless_noise_is_bounded() -> None:
    """Megabytes without a line end come out in pieces, and nothing grows."""
    console = ConsoleParser()
    items = [item for _ in range(300) for item in console.feed(b"\x1e" + b"x" * 4000)]
    assert max(len(item.raw) for item in items if isinstance(item, ConsoleLine)) <= 2048
    assert len(console._pending) < 8192
    assert names(console.feed(b"\n" + BOOT))[-1] == "boot"


@given(st.integers(), st.lists(st.binary(max_size=40), max_size=6))
def test_how_the_bytes_are_cut_does_not_matter(seed: int, noise: list[bytes]) -> None:
    """Any division of a stream into pieces gives the same events."""
    parts = [piece.replace(b"\x1e", b"").replace(b"\n", b"") + b"\n" for piece in noise]
    stream = b"".join(part + event for part, event in zip(parts, [BOOT, READY] * 3, strict=False))
    dice = random.Random(seed)
    console, items = ConsoleParser(), []
    at = 0
    while at < len(stream):
        step = dice.randint(1, 50)
        items += console.feed(stream[at : at + step])
        at += step
    assert items + console.rest() == whole(stream)
    assert len([item for item in items if isinstance(item, Event)]) == len(parts)


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r\n", b"\x1e\n", b"\x1e\x1e\x1e"])
def test_nothing_gives_nothing(raw: bytes) -> None:
    """Empty lines and lone record marks are neither text nor events."""
    assert whole(raw) == []

"""Console events: the wire format that device and host share."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from startline import events

from tests.firmware.harness import SOURCES, run_micropython

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = (
    TEXTS | st.integers(-(2**31), 2**32) | st.booleans() | st.none() | st.lists(TEXTS, max_size=3)
)
FIELDS = st.dictionaries(st.sampled_from(["state", "reason", "copies", "missing"]), VALUES)


@given(FIELDS, st.integers(0, 10**6), st.integers(0, 2**30))
def test_what_is_said_is_heard(fields: dict[str, object], seq: int, ms: int) -> None:
    """Any fields come back as they were, with name, number and time."""
    line = events.encode("name", seq, ms, fields)
    heard = events.decode(line)
    assert heard is not None
    if "cut" not in heard:
        assert heard == {"ev": "name", "n": seq, "ms": ms, **fields}


@given(FIELDS)
def test_the_form_on_the_line(fields: dict[str, object]) -> None:
    """An event is RS, compact ASCII JSON that ends in its CRC-32, and LF; at most 1 KiB."""
    line = events.encode("name", 1, 2, fields)
    assert line.isascii()
    assert len(line) <= 1024
    assert (line[:1], line[-1:], line.count(b"\n")) == (b"\x1e", b"\n", 1)
    text = line[1:-1]
    assert text.startswith(b'{"ev":"name","n":1,"ms":2')
    body, crc = text[: -len(',"crc":"00000000"}')], text[-10:-2]
    assert crc == b"%08x" % zlib.crc32(body)
    assert json.loads(text)["crc"] == crc.decode()


@given(FIELDS, st.data())
@settings(max_examples=300)
def test_a_damaged_event_is_none(fields: dict[str, object], data: st.DataObject) -> None:
    """Any changed, lost or doubled byte within an event is noticed."""
    line = bytearray(events.encode("name", 1, 2, fields)[1:-1])
    at = data.draw(st.integers(0, len(line) - 1))
    how = data.draw(st.sampled_from(["change", "lose", "double"]))
    if how == "change":
        line[at] ^= data.draw(st.integers(1, 255))
    elif how == "lose":
        del line[at]
    else:
        line.insert(at, line[at])
    assert events.decode(bytes(line)) is None or bytes(line).strip() == bytes(line)[:-1].strip()


@pytest.mark.parametrize(
    "around", [b"%s", b"ets Jul 29 2019\r\n%s", b"\x1e{torn%s\r\n", b"%s \r\n"]
)
def test_what_stands_around_does_not_matter(around: bytes) -> None:
    """Boot messages before the last RS, and white space behind the event, are passed over."""
    line = around.replace(b"%s", events.encode("boot", 0, 7, {"version": "1"}).rstrip(b"\n"))
    assert events.decode(line) == {"ev": "boot", "n": 0, "ms": 7, "version": "1"}


@pytest.mark.parametrize(
    "line", [b"", b"\x1e", b"\x1e{}", b"plain text", b'\x1e{"ev":"x"}', b"\xff" * 50]
)
def test_what_is_no_event(line: bytes) -> None:
    """Text, an empty line and an event without its CRC are no events."""
    assert events.decode(line) is None


def test_an_event_that_is_too_long_says_so() -> None:
    """What would not fit 1 KiB is replaced by its length, so that the line stays readable."""
    heard = events.decode(events.encode("answer", 1, 2, {"reason": "x" * 2000}))
    assert heard is not None
    assert (heard["ev"], heard["cut"] > 2000) == ("answer", True)


@pytest.mark.offline
def test_micropython_says_the_same() -> None:
    """MicroPython writes every alphabet as the same ASCII escapes, and CPython reads them."""
    text = 'Ça va? Ñandú 起点 😀 " \\ / \n \x7f'
    program = f"import sys; sys.path[:] = [{str(SOURCES)!r}, '.frozen']\n"
    program += "from startline.events import decode, encode\n"
    program += (
        f"line = encode('x', 1, 2, {{'text': {text!r}, 'list': [{text!r}, 1, None, True]}})\n"
    )
    program += "assert decode(line)['n'] == 1 and decode(line[:-4]) is None\n"
    program += "print(line.hex())"
    line = bytes.fromhex(run_micropython("-c", program))
    assert line.isascii()
    assert events.decode(line) == {
        "ev": "x", "n": 1, "ms": 2, "text": text, "list": [text, 1, None, True],
    }  # fmt: skip

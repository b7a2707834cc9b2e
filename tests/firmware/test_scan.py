"""The streaming scanner of device lists, against CPython's own JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from startline.scan import Scanner

NAMES = ("deviceid", "firmware", "serial_number")
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ENTRY = st.dictionaries(st.sampled_from(NAMES) | TEXT, VALUE, max_size=6)
DOCUMENT = st.dictionaries(TEXT, VALUE, max_size=3).flatmap(
    lambda more: st.lists(ENTRY, max_size=5).map(lambda result: {**more, "result": result})
)


def scan(raw: bytes, step: int = 7) -> tuple[list[dict[str, str]], Scanner]:
    """Scan in pieces of `step` bytes."""
    found: list[dict[str, str]] = []
    scanner = Scanner(NAMES, found.append)
    for at in range(0, len(raw), step):
        scanner.feed(raw[at : at + step])
    return found, scanner


def expected(entries: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return what a scanner has to find in entries."""
    return [
        {name: value for name, value in entry.items() if name in NAMES and isinstance(value, str)}
        for entry in entries
    ]


@given(DOCUMENT, st.booleans(), st.booleans(), st.integers(1, 40), st.sampled_from([None, 2]))
@settings(max_examples=300)
def test_it_finds_what_json_finds(
    document: dict[str, Any], body: bool, ascii_only: bool, step: int, indent: int | None
) -> None:
    """Any list, bare or in `body`, with any neighbours, order, escapes and pieces, is read whole."""
    text = json.dumps(
        {"body": document} if body else document, ensure_ascii=ascii_only, indent=indent
    )
    found, scanner = scan(text.encode(), step)
    assert found == expected(document["result"])
    assert (scanner.listed, scanner.closed) == (True, True)


@given(DOCUMENT, st.integers(0, 10**6))
@settings(max_examples=200)
def test_a_cut_document_is_never_closed(document: dict[str, Any], at: int) -> None:
    """A document without its end is not taken for a whole one."""
    raw = json.dumps(document).encode()
    found, scanner = scan(raw[: at % len(raw)])
    assert not scanner.closed
    assert len(found) <= len(document["result"])


@given(st.binary(max_size=300), st.integers(1, 50))
@settings(max_examples=300)
def test_junk_ends_in_an_error_or_nothing(junk: bytes, step: int) -> None:
    """Junk raises ValueError, or leaves the scanner without a closed list."""
    try:
        _, scanner = scan(junk, step)
    except ValueError:
        return
    assert not (scanner.closed and scanner.listed)


def test_commas_may_be_missing() -> None:
    """The documented comma-less text is read as if the commas were there."""
    found, scanner = scan(b'{"result": [{"deviceid": "A" "firmware": "B"} {"deviceid": "C"}]}')
    assert found == [{"deviceid": "A", "firmware": "B"}, {"deviceid": "C"}]
    assert scanner.closed


@pytest.mark.parametrize(
    "raw",
    [
        b'{"x":{"result":[{"deviceid":"A"}]}}',
        b'{"body":{"x":{"result":[{"deviceid":"A"}]}}}',
        b'[{"result":[{"deviceid":"A"}]}]',
        b'{"result":{"deviceid":"A"}}',
        b'{"a":"result","b":[{"deviceid":"A"}]}',
    ],
)
def test_only_the_list_counts(raw: bytes) -> None:
    """A list, or a name, that stands elsewhere is not the list of devices."""
    found, scanner = scan(raw)
    assert (found, scanner.listed, scanner.closed) == ([], False, True)


def test_what_lies_deeper_is_no_entry() -> None:
    """Objects and texts within an entry are not its own."""
    raw = b'{"result":[{"sessions":[{"deviceid":"X"}],"deviceid":"A","x":{"firmware":"Y"}},[{"deviceid":"Z"}]]}'
    assert scan(raw)[0] == [{"deviceid": "A"}]


def test_long_texts_match_nothing() -> None:
    """A text too long to be a token, a mark or a serial is left empty, and costs no memory."""
    raw = json.dumps({"result": [{"deviceid": "x" * 100_000, "firmware": "é" * 400}]}).encode()
    assert scan(raw, 256)[0] == [{"deviceid": "", "firmware": ""}]


@pytest.mark.parametrize(
    "raw", [b"x", b"{}{}", b"{]", b"}", b'"text"', b"[1]2", b"{\xff}", b"[" * 40, b'{"a":"\xff"}']
)
def test_what_is_no_json(raw: bytes) -> None:
    """Broken structure is an error, at once."""
    with pytest.raises(ValueError):  # noqa: PT011 - it says no more than that
        scan(raw)

"""The streaming scanner of JSON and the reader of device lists, against CPython's own JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from startline.net.device_list import ListReader
from startline.net.json_scanner import OPEN, JsonScanner, text_of

NAMES = ("deviceid", "firmware", "serial_number")
WANTED = tuple(name.encode() for name in NAMES)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
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


Fields = dict[str, str | bytes | None]


def scan(raw: bytes, step: int = 7) -> tuple[list[Fields], ListReader]:
    """Scan in pieces of `step` bytes."""
    items: list[dict[bytes, str | bytes | None]] = []
    scanner = ListReader(WANTED, items.append)
    for at in range(0, len(raw), step):
        scanner.feed(raw[at : at + step])
    return [{name.decode(): item[name] for name in item} for item in items], scanner


def expected(entries: list[dict[str, Any]]) -> list[Fields]:
    """Return what a scanner has to find in entries."""
    return [
        {name: found(value) for name, value in entry.items() if name in NAMES} for entry in entries
    ]


def found(value: Any) -> str | bytes | None:
    """Return what a scanner has to find of a value: a text, a word's bytes, or that it is neither."""
    if isinstance(value, str):
        return value
    return None if isinstance(value, dict | list) else json.dumps(value).encode()


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


@pytest.mark.parametrize("envelope", ["%s", '{"body": %s}'])
@pytest.mark.parametrize(
    ("rows", "count", "page", "total"),
    [
        ([b"data", b"readers"], [b"meta", b"count"],
         '{"meta": {"count": 9}, "data": {"readers": [%s]}, "result": [{"deviceid": "B"}]}', 9),
        ([b"items"], [b"items_in_all"], '{"items": [%s], "items_in_all": 3, "pagination": {"total": 4}}', 3),
        ([b"items"], [], '{"items": [%s], "pagination": {"total": 4}}', -1),
        ([], [], "[%s]", -1),
        ([], [b"total"], "[%s]", -1),
    ],
)  # fmt: skip
def test_a_list_is_where_its_cloud_says(
    rows: list[bytes], count: list[bytes], page: str, total: int, envelope: str
) -> None:
    """The list and the total are read where the names lead to, and from nowhere else."""
    items: list[dict[bytes, str | bytes | None]] = []
    reader = ListReader(WANTED, items.append, (rows, count))
    reader.feed((envelope % page % '{"deviceid": "A", "list": [{"deviceid": "C"}]}').encode())
    assert items == [{b"deviceid": "A"}]
    assert (reader.listed, reader.closed, reader.total) == (True, True, total)


def test_what_lies_deeper_is_no_entry() -> None:
    """Objects and texts within an entry are not its own."""
    raw = b'{"result":[{"sessions":[{"deviceid":"X"}],"deviceid":"A","x":{"firmware":"Y"}},[{"deviceid":"Z"}]]}'
    assert scan(raw)[0] == [{"deviceid": "A"}, {}]


def test_long_texts_match_nothing() -> None:
    """A text too long to be a token, a mark or a serial is known as such, and costs no memory."""
    raw = json.dumps({"result": [{"deviceid": "x" * 100_000, "firmware": "é" * 101}]}).encode()
    assert scan(raw, 256)[0] == [{"deviceid": None, "firmware": None}]
    assert scan(b'{"result":[{"deviceid":%s}]}' % (b"9" * 300))[0] == [{"deviceid": None}]


@pytest.mark.parametrize(
    "raw",
    [
        b"x", b"{}{}", b"{]", b"}", b"[1]2", b"{\xff}", b"[" * 101, b'{"a"}', b'{"a":}', b'{"a" "b"}',
        b'{"a":1:2}', b"[1:2]", b'{"a",1}', b"{1}", b"{}x", b'"text"x', b"NaN", b'{"a":[1}',
    ],
)  # fmt: skip
def test_what_is_no_json(raw: bytes) -> None:
    """Broken structure is an error, at once."""
    with pytest.raises(ValueError):  # noqa: PT011 - it says no more than that
        scan(raw)


#: What servers write that is no JSON, or unusual, in a member that nobody compares.
ODD = {
    "NaN": b'"x":NaN', "minus infinity": b'"x":-Infinity', "a word of Python": b'"x":None',
    "Latin-1": b'"x":"M\xfcller"', "half a letter": b'"x":"Yar\xc4"', "half an escape": rb'"x":"\u00"',
    "half a pair": rb'"x":"\ud83d"', "the other half": rb'"x":"\ude00"',
    "an escape that is none": rb'"x":"\q\x41\u00g1"', "controls": b'"x":"a\r\n\t\x00b"',
    "a name that is no text": b'"\xff\xfe":1', "a name without quotes": b"x : 1",
    "deep": b'"x":' + b"[" * 90 + b"]" * 90, "wide": b'"x":[' + b"[]," * 5000 + b"0]",
    "a number without end": b'"x":' + b"9" * 5000, "commas": b'"x":1,,,', "doubled": b'"x":1,"x":2',
    "a long name": b'"' + b"x" * 5000 + b'":1',
}  # fmt: skip


@pytest.mark.parametrize("member", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("place", [0, 1], ids=["before", "behind"])
def test_what_nobody_compares_spoils_nothing(member: bytes, place: int) -> None:
    """An entry is read whatever stands in its other members, and so is the one behind it."""
    own = b'"deviceid":"A","serial_number":"S"'
    first = b",".join((member, own) if not place else (own, member))
    raw = b'\xef\xbb\xbf{"result":[{%s},{"deviceid":"B"}],"pagination":{"total":2}}' % first
    for step in (1, 3, 256):
        found, scanner = scan(raw, step)
        assert found == [{"deviceid": "A", "serial_number": "S"}, {"deviceid": "B"}]
        assert (scanner.listed, scanner.closed, scanner.total) == (True, True, 2)


#: What is compared, and cannot be: a member `serial_number`, and what is found of it.
UNREADABLE = {
    "Latin-1": (b'"M\xfcller"', None), "half a letter": (b'"Yar\xc4"', None),
    "half an escape": (rb'"a\u12"', None), "half a pair": (rb'"\ud83dx"', None),
    "the other half": (rb'"x\ude00"', None), "an escape that is none": (rb'"\q"', None),
    "halves in bytes": (b'"\xed\xa0\x80"', None), "too long a letter": (b'"\xc0\xb1"', None),
    "an object": (b'{"serial_number":"S"}', None), "a list": (b'["S"]', None),
    "a number": (b"40012", b"40012"), "null": (b"null", b"null"), "NaN": (b"NaN", b"NaN"),
    "empty": (b'""', ""), "a pair": (rb'"\ud83d\ude00"', "\U0001f600"),
    "beside the halves": (rb'"\ud7ff\ue000"', "\ud7ff\ue000"),
    "beside the halves in bytes": (b'"\xed\x9f\xbf\xee\x80\x80"', "\ud7ff\ue000"),
    "said twice alike": (b'"S","serial_number":"S"', "S"),
    "said twice": (b'"S","serial_number":"T"', None),
    "said three times": (b'"S","serial_number":"T","serial_number":"S"', None),
    "escaped name": (rb'null,"serial\u005fnumber":null', b"null"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "value"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_found_of_what_is_compared(raw: bytes, value: str | bytes | None) -> None:
    """A text, the bytes of a word, or that it is neither; in pieces of any size."""
    document = b'{"result":[{"serial_number":%s}]}' % raw
    for step in (1, 2, 256):
        assert scan(document, step)[0] == [{"serial_number": value}]


class KeptValues(JsonScanner):
    """Keeps each value, and whether it is whole."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[tuple[bytes, bool]] = []

    def value(self, raw: bytes, kind: int) -> None:
        """Keep a value."""
        if kind != OPEN:
            self.values.append((raw, self.whole))

    def ended(self, code: int) -> None:
        """Pass over the end."""


def test_escapes() -> None:
    """Each is what JSON says it is; halves that something stands between are no pair."""
    scanner = KeptValues()
    scanner.feed(rb'["\n\t\r\b\f\"\\\/","\ud83d\ude00","\ud83dx\ude00","y"]')
    assert scanner.values == [
        (b'\n\t\r\b\f"\\/', True),
        ("\U0001f600".encode(), True),
        (b"x", False),
        (b"y", True),
    ]


@pytest.mark.parametrize(
    ("items", "count"), [(b"1", 1), (b'"A"', 1), (b"null,{}", 2), (b"[{}]", 1), (b"[[{}],{}]", 1)]
)
def test_an_item_that_is_no_object_is_an_item(items: bytes, count: int) -> None:
    """Whatever stands in the list is counted, and nothing of it can be compared."""
    assert scan(b'{"result":[%s]}' % items)[0] == [{}] * count


@pytest.mark.parametrize(
    ("raw", "total"),
    [
        (b"5", 5),
        (b'"5"', 5),
        (b"null", -1),
        (b'"many"', -1),
        (b"-1", -1),
        (b"5.0", -1),
        (b"[5]", -1),
    ],
)
@pytest.mark.parametrize("envelope", [b"%s", b'{"body":%s}'])
def test_how_many_there_are(envelope: bytes, raw: bytes, total: int) -> None:
    """The total is taken as a number, or as the text of one, and from its own place only."""
    page = b'{"total":9,"pagination":{"total":%s,"x":{"total":8}},"result":[{"total":7}]}' % raw
    assert scan(envelope % page)[1].total == total


@given(st.binary(max_size=12))
@settings(max_examples=500)
def test_texts_are_utf_8(raw: bytes) -> None:
    """What is no UTF-8 by CPython's strict rule is no text."""
    try:
        expected: str | None = raw.decode()
    except UnicodeDecodeError:
        expected = None
    assert text_of(raw) == expected

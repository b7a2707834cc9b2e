"""The record: its bytes, and the rules by which its two copies are judged."""

from __future__ import annotations

import zlib
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from startline.record import FIXED, generation, intact, later, rules, texts
from startline.record.copies import pack
from startline.record.rules import (
    ABSENT,
    BLANK,
    DAMAGED,
    NEWER,
    Record,
    classify,
    resolve_copies,
    unpack,
)

US = SimpleNamespace(
    serial="DEVICE-123", cloud="rufus", mac=b"\x24\x6f\x28\0\0\1", place=b"12345678"
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def record(state: str = "bound", number: int = 7, **fields: object) -> Record:
    """Return a record of ours."""
    made = Record()
    made.state = state
    made.generation = number
    for name in ("serial", "cloud", "mac", "place"):
        setattr(made, name, getattr(US, name))
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def read(made: Record) -> Record:
    """Return a record as it is read back."""
    return unpack(pack(made))


def test_the_layout_is_what_it_says() -> None:
    """The bytes of a record, field by field: other devices' flash depends on them."""
    made = record(
        "unknown", 0x01020304, key=b"KKKK", attempt=b"AAAA", status=503, looks=1, due=0x11223344,
        looked=0x55667788, token="T", reason="é",
    )  # fmt: skip
    body = bytes.fromhex(
        "534c7263 01 01 0000 04030201"
        "3132333435363738 246f28000001 4b4b4b4b 41414141 f701 01 00 44332211 88776655"
        "05 7275667573 0a 4445564943452d313233 01 54 02 c3a9"
    )
    body = body[:6] + (len(body) + 4).to_bytes(2, "little") + body[8:]
    assert pack(made) == body + zlib.crc32(body).to_bytes(4, "little")


@given(
    st.sampled_from(rules.STATES), st.integers(0, 2**32 - 1), st.binary(min_size=4, max_size=4),
    st.integers(0, 65535), TEXT, TEXT,
)  # fmt: skip
def test_a_record_comes_back(
    state: str, number: int, attempt: bytes, status: int, token: str, reason: str
) -> None:
    """Whatever is packed is unpacked, also with bytes behind it, within 512 bytes."""
    made = record(state, number, attempt=attempt, status=status, token=token, reason=reason)
    made.key = b"\1\2\3\4"
    raw = pack(made)
    assert len(raw) <= 512
    again = unpack(raw + b"\xff" * 40)
    assert all(getattr(again, name) == value for name, value in made.__dict__.items())


def test_the_longest_record_fits() -> None:
    """A serial of 64 bytes, a token of 64 digits and a reason of 96 bytes fit a slot."""
    made = record(serial="s" * 64, token="F" * 64, reason="r" * 96, cloud="c" * 16)
    assert len(pack(made)) <= 512


@given(st.integers(0, 2000), st.integers(1, 255))
def test_any_changed_byte_is_damage(at: int, change: int) -> None:
    """A record in which any byte changed is damaged, never another record."""
    raw = bytearray(pack(record(token="F" * 64)))
    raw[at % len(raw)] ^= change
    assert classify(bytes(raw)) in (DAMAGED, NEWER)


@given(st.binary(max_size=600))
def test_junk_is_damage(junk: bytes) -> None:
    """Bytes that are no record are damaged, or blank where there is nothing at all."""
    assert classify(junk) == (BLANK if not junk.strip(b"\xff") else DAMAGED)


@given(st.integers(0, 100))
def test_a_torn_record_is_damage(length: int) -> None:
    """The beginning of a record, with blank flash behind it, is damaged."""
    raw = pack(record(token="F" * 64))
    torn = raw[: min(length + 1, len(raw) - 1)]
    assert classify(torn + b"\xff" * (512 - len(torn))) == DAMAGED


@pytest.mark.parametrize(
    ("at", "changed"),
    [(5, b"\x04"), (5, b"\xff"), (FIXED, b"\x04"), (FIXED, b"\xff"), (FIXED + 1, b"\xff")],
)
def test_an_intact_frame_that_makes_no_sense(at: int, changed: bytes) -> None:
    """A state or texts that cannot be are damage, although the CRC is right."""
    raw = bytearray(pack(record()))
    raw[at : at + 1] = changed
    raw[-4:] = zlib.crc32(raw[:-4]).to_bytes(4, "little")
    assert intact(bytes(raw))
    assert classify(bytes(raw)) == DAMAGED


def test_a_later_schema_is_left_alone() -> None:
    """An intact record of a later schema is told from a damaged one."""
    raw = bytearray(pack(record()))
    raw[4] = 2
    raw[-4:] = zlib.crc32(raw[:-4]).to_bytes(4, "little")
    assert classify(bytes(raw)) == NEWER


OURS = read(record())
OLDER = read(record("unknown", 6))
SAME_NUMBER = read(record("unknown", 7))
FIRST, LAST = read(record("bound", 0)), read(record("unknown", 2**32 - 1))
OTHER_SERIAL = read(record(serial="DEVICE-124"))
OTHER_CHIP = read(record(mac=b"\x24\x6f\x28\0\0\2"))
OTHER_PLACE = read(record(place=b"87654321"))
OTHER_CLOUD = read(record(cloud="vms"))

VERDICTS = {
    "both blank": (BLANK, BLANK, "unbound", "", None, False),
    "one place, blank": (BLANK, ABSENT, "unbound", "", None, False),
    "both damaged": (DAMAGED, DAMAGED, "unknown", "record_damaged", None, False),
    "one damaged, one blank": (BLANK, DAMAGED, "unknown", "record_damaged", None, False),
    "one newer": (OURS, NEWER, "unknown", "newer_record", None, False),
    "newer and damaged": (NEWER, DAMAGED, "unknown", "newer_record", None, False),
    "both the same": (OURS, read(record()), "bound", "", OURS, False),
    "only the first": (OURS, BLANK, "bound", "", OURS, True),
    "only the second": (DAMAGED, OURS, "bound", "", OURS, True),
    "the only place": (OURS, ABSENT, "bound", "", OURS, False),
    "first is ahead": (OURS, OLDER, "bound", "", OURS, True),
    "second is ahead": (OLDER, OURS, "bound", "", OURS, True),
    "the number wrapped": (LAST, FIRST, "bound", "", FIRST, True),
    "wrapped the other way": (FIRST, LAST, "bound", "", FIRST, True),
    "equal numbers, one bound": (SAME_NUMBER, OURS, "bound", "", OURS, True),
    "equal numbers, none bound": (
        SAME_NUMBER, read(record("refused")), "unknown", "copies_differ", SAME_NUMBER, False,
    ),
    "equal numbers, both bound": (
        OURS, read(record(token="X")), "unknown", "copies_differ", OURS, False,
    ),
    "equal numbers, a stranger bound": (
        SAME_NUMBER, OTHER_CHIP, "unknown", "copies_differ", SAME_NUMBER, False,
    ),
    "another serial": (OTHER_SERIAL, OTHER_SERIAL, "unknown", "foreign_record", OTHER_SERIAL, False),
    "another chip": (OTHER_CHIP, OTHER_CHIP, "unknown", "foreign_record", OTHER_CHIP, False),
    "another base URL": (OTHER_PLACE, BLANK, "unknown", "foreign_record", OTHER_PLACE, False),
    "another cloud": (OTHER_CLOUD, ABSENT, "unknown", "foreign_record", OTHER_CLOUD, False),
}  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "state", "reason", "ruling", "repair"),
    VERDICTS.values(),
    ids=VERDICTS.keys(),
)
def test_what_two_copies_mean(
    first: Record | str,
    second: Record | str,
    state: str,
    reason: str,
    ruling: Record | None,
    repair: bool,
) -> None:
    """Every pair of copies has the verdict of the table."""
    verdict = resolve_copies(first, second, US)
    assert verdict[:2] == (state, reason)
    assert (verdict[2] and verdict[2].__dict__) == (ruling and ruling.__dict__)
    assert bool(verdict[3]) == repair or reason in ("foreign_record", "copies_differ")


def test_a_reason_is_kept() -> None:
    """Why a device is unknown or refused comes back with the state."""
    made = read(record("refused", reason="Missing model", status=400))
    assert resolve_copies(made, made, US)[:2] == ("refused", "Missing model")


@given(st.integers(0, 2**32 - 1), st.integers(1, 2**31 - 1))
@settings(max_examples=200)
def test_later_is_later_round_the_wrap(number: int, ahead: int) -> None:
    """A number is later than those up to half of all numbers behind it, and only than those."""
    after = (number + ahead) & 0xFFFFFFFF
    assert later(after, number)
    assert not later(number, after)
    assert not later(number, number)


def test_the_frame_of_a_record() -> None:
    """What a bound boot reads of a record's bytes is what the whole record says."""
    made = record(token="F" * 64, reason="why")
    raw = pack(made)
    assert intact(raw + b"junk") == raw
    assert generation(raw) == made.generation
    assert texts(raw) == [made.cloud, made.serial, made.token, made.reason]
    assert intact(raw[:-1]) == b""

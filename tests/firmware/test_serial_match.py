"""Comparing serial numbers: held against Python's own tables of Unicode, which no chip has."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from html.entities import codepoint2name
from typing import Literal
from urllib.parse import quote

import pytest
from startline.net.device_list import LIKE, OTHER, SAME, UNCLEAR, SerialNumber
from startline.net.unicode_fold import fold

_FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
#: Every character of Europe's alphabets, and a sample of all the others.
_CODES = (*range(0x80, 0x600), *range(0x600, 0x3100, 5), *range(0x3100, 0x11000, 67), 0x1F600)
#: Letters that the agent tells apart by what they are without their marks.
_LETTERS = [
    chr(code)
    for code in (*range(0xC0, 0x180), *range(0x400, 0x460))
    if unicodedata.category(chr(code))[0] == "L"
]


def spellings(text: str) -> Iterator[str]:
    """Yield what somebody may make of a text on its way through a cloud."""
    for form in _FORMS:
        normal = unicodedata.normalize(form, text)
        yield from (normal, normal.upper(), normal.lower(), normal.casefold())
    names = {code: f"&{name};" for code, name in codepoint2name.items()}
    for template in ("&#{};", "&#x{:x};", "&amp;#{};"):
        yield "".join(template.format(ord(char)) if char > "\x7f" else char for char in text)
    yield "".join(names.get(ord(char), char) for char in text)
    yield quote(text)
    if max(text) < "\U00010000":
        yield "".join(f"\\u{ord(char):04x}" for char in text)


def characters() -> Iterator[str]:
    """Yield each character that Unicode knows of those that are tried."""
    for code in _CODES:
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co"):
            yield chr(code)


def plain(letter: str) -> str:
    """Return a letter in lower case and without its marks."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", letter).casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def test_no_spelling_of_ours_is_another_s() -> None:
    """Whatever character is in it, no form, case or escape of a serial number is told apart."""
    wrong = []
    for char in characters():
        for text in (f"K{char}7", f"{char}K7", f"K7{char}"):
            ours = SerialNumber(text)
            wrong += [(text, one) for one in {*spellings(text)} if ours.compare(one) == OTHER]
    assert wrong == []


def test_letters_with_marks_are_told_from_other_letters() -> None:
    """Of Latin and Cyrillic each letter is what it is without its mark, and no other letter."""
    by_letter = {letter: plain(letter) for letter in _LETTERS}
    # What is no one letter, such as æ, ø or ß, is compared with nothing; i without its dot is i.
    single = {one: "i" if base == "\u0131" else base for one, base in by_letter.items()
              if SerialNumber(f"K{one}7").folded[1:2] != "*"}  # fmt: skip
    assert len(single) > 200
    others = {*single.values(), *"abcdefghijklmnopqrstuvwxyz0"}
    wrong = [
        (one, other)
        for one, base in single.items()
        for ours in (SerialNumber(f"K{one}7"),)
        for other in others
        if (ours.compare(f"k{other}7") == OTHER) == (base == other)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        ("K7", " k7 ", SAME),
        ("K7", "K-7", LIKE),
        ("K7", "K8", OTHER),
        ("KK", "K", OTHER),
        ("K7", None, UNCLEAR),
        ("K7", "", UNCLEAR),
        ("K7", b"7", UNCLEAR),
        ("7", b"7", SAME),
        ("007", b"7.00", SAME),
        ("007", "7", LIKE),
        ("7", b"7.01", UNCLEAR),
        ("7", b"null", UNCLEAR),
        # Letters of other alphabets are letters, and not nothing: also next to what may be that.
        *(("K7", f"K{chr(code)}7", OTHER) for code in (
            0x391, 0x530, 0x5D0, 0x1C7F, 0x3041, 0x30FF, 0x3400, 0x4DBF, 0x4E00, 0x9FFF, 0xA63F,
            0xA800, 0xF8FF)),
        *(("K7", f"K{chr(code)}7", LIKE) for code in (
            0xA0, 0xAD, 0xB7, 0x300, 0x344, 0x345, 0x346, 0x36F, 0x2000, 0x206F, 0x3000, 0xFE0F,
            0xFEFF, 0xFF0D, 0x1F600)),
        ("K\u4e007", "K\u4e017", OTHER),
        ("K\uff117", "K17", LIKE),
        ("K\uff127", "K17", OTHER),
        ("K\uff5f7", "K??????7", LIKE),
        ("K\uff5f7", "Kz7", LIKE),
        ("K?7", "K\u05d07", LIKE),
        ("K?7", "Kz7", LIKE),
        ("K\uff5a7", "Kz7", LIKE),
        ("K??7", "KÄÖ7", LIKE),
        ("K\u03b1\u03b27", "K\u03b17", LIKE),
        ("ÆK7", "K8", OTHER),
        ("7KÆ", "8KÆ", OTHER),
        ("7KÆ", "7K", LIKE),
        ("AÆB", "AXB", LIKE),
        ("K&amp;#228;7", "KÄ7", LIKE),
        ("K%C3%847", "KÄ7", LIKE),
        ("K%ZZ7", "KÄ7", OTHER),
        ("K&nothing much;7", "KÄ7", OTHER),
    ],
)  # fmt: skip
def test_what_a_serial_number_is_to_ours(ours: str, theirs: str | bytes | None, kind: str) -> None:
    """Each kind of outcome, and the edges of what is not told apart."""
    assert SerialNumber(ours).compare(theirs) == kind


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        ("40012", "4.0012E4", UNCLEAR),
        ("40012", "4.00E+04", UNCLEAR),
        ("40012", "4e4", UNCLEAR),
        ("40012", "40012.0", LIKE),
        ("40012", "4.0012E5", OTHER),
        ("40012", "1e999", OTHER),
        ("40012", "40013.0", OTHER),
        ("40012", "40013", OTHER),
        ("DEVICE-123", "4.0012E4", OTHER),
        ("4A012", "4.0012E4", OTHER),
    ],
)
def test_a_number_that_a_program_wrote_anew(ours: str, theirs: str, kind: str) -> None:
    """A text such as 4.0012E4 may stand for our number, with some of its digits gone."""
    assert SerialNumber(ours).compare(theirs) == kind


@pytest.mark.parametrize(
    ("text", "folded"),
    [("\xc0", "a"), ("\u017f", "s"), ("a\x7fb", "ab"), ("a~b", "ab"), ("\xa0a\xad", "a")],
)
def test_what_is_left_of_the_first_and_the_last_of_a_range(text: str, folded: str) -> None:
    """The first letter beyond ASCII is told as well as the last, and a control is nothing."""
    assert fold(text) == folded

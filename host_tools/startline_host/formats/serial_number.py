"""The one form that a serial number may have, wherever it comes from.

A list, an option, a settings file, a ledger and a device are all held to `check_serial`: what looks
the same to a person is then the same text, and a cloud is never told two of them.
"""

from __future__ import annotations

import re
import unicodedata

from startline_host.errors import BadInput

#: Characters that show as nothing though Unicode counts them as letters, marks or symbols: the
#: assigned part of Default_Ignorable_Code_Point that no category gives away, and the Braille blank.
_BLANK = frozenset(
    [
        847,
        4447,
        4448,
        6068,
        6069,
        10240,
        12644,
        65440,
        *range(6155, 6160),
        *range(65024, 65040),
        *range(917760, 918000),
    ]
)
#: Controls, format characters (zero width, bidi marks), surrogates, private and unassigned ones.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

#: Letters are joined, and emoji given their look, by these: names for people may hold them.
JOINERS = frozenset([0x200C, 0x200D, 0xFE0E, 0xFE0F])

#: What spreadsheets write in place of a text that was typed, and what each is.
_SPREADSHEET = (
    (r"[+-]?\d+(?:[.,]\d+)?E[+-]\d+", "is a number as a spreadsheet shortens it; digits are lost"),
    (r"=.*", "is a spreadsheet's formula"),
    (r"['\u2019][\d=+@-].*", "begins with the quote by which a spreadsheet marks a text"),
    (r"#+", "is what a spreadsheet shows in a column that is too narrow"),
    (
        # In every language: #REF!, #WERT!, #NOM?, #DIV/0!, and the three that end otherwise.
        r"#(?:[^\W\d_]+(?:/0)?[!?]|N/?[ADV]|NV)",
        "is a spreadsheet's word for an error",
    ),
    (
        (
            r"\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
            r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{1,2}"
        ),
        "is a date as a spreadsheet makes it of a text",
    ),
)

#: The same of what is no name of a reader, but may well stand in another column.
_SPREADSHEET_SERIAL = (
    (r"\d+\.0+", "is a number as a program writes it that took the text for one"),
    (r"\d{1,3}(?:[,'\u2019\u202f\u00a0]\d{3})+", "is a number with a spreadsheet's separators"),
    (
        (
            r"\d{4}-\d\d-\d\d(?:[ T]\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?|\d{4}/\d\d?/\d\d?"
            r"|\d\d?/\d\d?/(?:\d\d|\d{4})|\d\d?\.\d\d?\.(?:\d\d|\d{4})"
            r"|(?:\d\d?\.?[-/ ]?)(?:{0})\.?(?:[-/ ]?(?:\d\d|\d{4}))?"
            r"|(?:{0})\.?(?:[- ]\d\d|[- ]\d{4}| \d\d?, \d{4})"
        ).replace(
            "{0}",
            "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mrz|Mär|Mai|Okt|Dez|janv|févr|mars|avr"
            "|juin|juil|août|sept|déc|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|mrt|mei",
        ),
        "is a date as a spreadsheet makes it of a text",
    ),
    (r"\d\d?:\d\d(?::\d\d)?(?: [AP]M)?", "is a time of day as a spreadsheet makes it of a text"),
    (r"TRUE|FALSE|WAHR|FALSCH|VRAI|FAUX", "is a spreadsheet's word for yes or no"),
)

#: What word processors make of a hyphen and of quotes.
_TYPOGRAPHY = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2018\u2019\u201c\u201d")
#: Scripts with letters that no one can tell from Latin ones.
_ALIKE = ("CYRILLIC", "GREEK")

#: What to do about either.
REMEDY = (
    "Format the column as text in the spreadsheet, type the values again and export it anew; "
    "--as-written takes them as they are."
)


def check_serial(text: str, what: str = "serial number") -> None:
    """Raise BadInput unless the text is a serial number in its one form.

    That is: not empty, UTF-8, composed (NFC), of characters that can be seen, with no blank at
    either end and no other blank than the ordinary space. The sentence names the code point.
    """
    if not text:
        raise BadInput(f"The {what} is empty.", "Every device needs one of its own.")
    check_visible(text, what)
    for place, character in enumerate(text, 1):
        if character.isspace() and character != " ":
            raise BadInput(
                f"The {what} holds {code_point(character)} at character {place}, a blank that "
                "looks like a space and is none.",
                "Use an ordinary space, or none.",
            )
    check_trimmed(text, what)
    if unicodedata.combining(text[0]):
        raise BadInput(f"The {what} begins with {code_point(text[0])}, which needs a letter.")
    odd = _first_not_composed(text)
    if odd is not None:
        raise BadInput(
            f"The {what} {text!r} is not in its composed form (NFC): it holds "
            f"{code_point(text[odd])} at character {odd + 1}.",
            "Two spellings that look the same would be two devices. Type it again on a keyboard.",
        )


def _first_not_composed(text: str) -> int | None:
    """Return where a text first departs from NFC, None where it does not."""
    composed = unicodedata.normalize("NFC", text)
    if composed == text:
        return None
    pairs = zip(text, composed, strict=False)
    start = next((n for n, (one, other) in enumerate(pairs) if one != other), len(composed))
    marks = (n for n in range(start, len(text)) if unicodedata.combining(text[n]))
    return next(marks, min(start, len(text) - 1))


def check_visible(text: str, what: str, allowed: frozenset[int] = frozenset()) -> None:
    """Raise BadInput for a text that is not UTF-8 or holds a character that nobody can see.

    `allowed` are code points that may stand in it all the same.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput(f"The {what} is not valid UTF-8.") from None
    for place, character in enumerate(text, 1):
        category = unicodedata.category(character)
        if (category not in _UNSEEN and ord(character) not in _BLANK) or ord(character) in allowed:
            continue
        kind = "a control" if category in {"Cc", "Zl", "Zp"} else "an invisible"
        raise BadInput(
            f"The {what} holds {kind} character, {code_point(character)}, at character {place}.",
            "Type it again by hand; what was copied brought it along.",
        )


def check_trimmed(text: str, what: str) -> None:
    """Raise BadInput for a text with a blank at either end."""
    if text != text.strip():
        raise BadInput(f"The {what} {text!r} begins or ends with a space.")


def spreadsheet_trace(text: str) -> str:
    """Return what a spreadsheet made of the text that was meant, as a clause; "" for nothing."""
    for pattern, words in _SPREADSHEET:
        if re.fullmatch(pattern, text, re.IGNORECASE if "E[" in pattern else 0):
            return words
    return ""


def serial_trace(text: str) -> tuple[str, str]:
    """Return what became of a serial number on its way, as a clause, with the remedy; "" for nothing.

    Besides a spreadsheet's traces, these are characters that people take for others.
    """
    words = spreadsheet_trace(text)
    for pattern, clause in _SPREADSHEET_SERIAL:
        if not words and re.fullmatch(pattern, text):
            words = clause
    if words:
        return words, REMEDY
    return _lookalike(text), "Type it again on a keyboard; --as-written takes it as it is."


def _lookalike(text: str) -> str:
    """Return, as a clause, the first character that looks like another that was meant."""
    names = [unicodedata.name(character, "") for character in text]
    latin = any(name.startswith("LATIN ") for name in names)
    for place, (character, name) in enumerate(zip(text, names, strict=True), 1):
        plain = unicodedata.normalize("NFKC", character)
        at = f"holds {code_point(character)} at character {place}"
        if character in _TYPOGRAPHY:
            return f"{at}, which a word processor makes of the one on the keyboard"
        if plain != character:
            return f"{at}, which people take for {plain!r}"
        if latin and name.startswith(_ALIKE):
            return f"{at}, between Latin letters that look the same"
    return ""


def same_to_people(text: str) -> str:
    """Return what two texts have in common that people, and clouds, take for the same one."""
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def code_point(character: str) -> str:
    """Return a character as `U+200B (ZERO WIDTH SPACE)`."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")

"""What an answer to a race has said: once, whole, at its own place, and as what it has to be."""

from __future__ import annotations

import pytest
from startline_race.clouds import rufus
from startline_race.reply import RaceReply

TOKEN = "5C" * 32


def fields(*pieces: bytes) -> dict[bytes, object]:
    """Return the fields of an answer that comes in pieces."""
    reply = RaceReply(rufus.FIELDS, rufus.WORDS)
    for piece in pieces:
        reply.read(piece)
    said: dict[bytes, object] = reply.done()
    return said


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        (b'{"inserted_count":5}', (5, 0)),
        (b'{"inserted_count":2,"duplicate_count":3}', (2, 3)),
        (b'{"body":{"duplicate_count":3,"inserted_count":"2"}}', (2, 3)),
        (b'{"inserted_count":0,"duplicate_count":0}', (0, 0)),
        (b'{"inserted_count":5,"inserted_count":5}', (5, 0)),
        (b'{"inserted_count":-1,"duplicate_count":6}', None),
        (b'{"inserted_count":6,"duplicate_count":-1}', None),
        (b'{"inserted_count":5,"inserted_count":4}', None),
        (b'{"inserted_count":5,"inserted_count":4,"inserted_count":5}', None),
        (b'{"inserted_count":5,"inserted_count":[5]}', None),
        (b'{"inserted_count":5,"body":{"inserted_count":0}}', None),
        (b'{"inserted_count":5,"duplicate_count":null}', None),
        (b'{"inserted_count":null}', None),
        (b'{"inserted_count":5.0}', None),
        (b'{"inserted_count":true}', None),
        (b'{"inserted_count":"five"}', None),
        (b'{"inserted_count":[5]}', None),
        (b'{"duplicate_count":5}', None),
        (b'{"a":{"inserted_count":5}}', None),
        (b'{"body":{"body":{"inserted_count":5}}}', None),
        (b'[{"inserted_count":5}]', None),
        (b'{"inserted_count":5', None),
        (b'{"inserted_count":5}{}', None),
        (b'{"inserted_count":5}x', None),
        (b"", None),
        (b'{"inserted_count":' + b"9" * 250 + b"}", None),
    ],
)
def test_what_was_counted(body: bytes, counts: tuple[int, int] | None) -> None:
    """Two whole numbers, of which neither is below 0, in an answer that is closed; or nothing."""
    assert rufus.counted(fields(body)) == counts
    assert rufus.counted(fields(*[body[at : at + 3] for at in range(0, len(body), 3)])) == counts


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (f'"{TOKEN}"', TOKEN),
        (f'"{TOKEN.lower()}"', TOKEN.lower()),
        (f'" {TOKEN}\\t"', TOKEN),
        (f'"{TOKEN[:30]}\\r\\n{TOKEN[30:]}"', TOKEN),
        (f'"{TOKEN[:-1]}"', ""),
        (f'"{TOKEN}0"', ""),
        (f'"{" " * 150}{TOKEN}"', ""),
        (f'"{TOKEN}","token_session":"{TOKEN}"', TOKEN),
        (f'"{TOKEN}","token_session":"{"6D" * 32}"', ""),
        (f'"{TOKEN}","body":{{"token_session":null}}', ""),
        (f'["{TOKEN}"]', ""),
        ("5", ""),
        ("null", ""),
    ],
)
def test_the_token_of_a_session(value: str, token: str) -> None:
    """64 hex digits as they came, without white space, which has no place in a path; or none."""
    assert rufus.session_token(fields(b'{"token_session":%s}' % value.encode())) == token


def test_words_for_people_are_the_last_ones() -> None:
    """An envelope may say less than what it holds: a session is gone whichever says so last."""
    body = b'{"description":"Error","body":{"description":"Session not found or closed"}}'
    assert fields(body)[b"description"] == "Session not found or closed"
    assert rufus.is_gone(404, "Session not found or closed")
    assert not rufus.is_gone(500, "Session not found or closed")
    assert not rufus.is_gone(404, "Device not found")

"""Answers that no reader in a race should trust: no passing is dropped, none counts that is not there."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from startline_host.boards import data_folder
from tests.proofs.hostile.answer_survey import seeds
from tests.proofs.racehostile.race_answers import OTHER, RaceAnswer, make_race_answer
from tests.proofs.racehostile.race_pool import RaceResult
from tests.proofs.racehostile.race_survey import (
    bombard_races,
    play_all,
    wants_memory,
    wrong,
)

_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_ENDLESS = 1 << 30


def answered(kind: str, body: str = "", status: int = 201, **more: object) -> RaceAnswer:
    """Return a case in which a request of that kind is answered so once, in place of its answer."""
    raw = b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body.encode())
    drops = {"list": ("send",), "sessions": ("open",)}.get(kind, ())
    about = {"begin": raw, "size": len(raw), "end": "keep", "drops": drops, **more}
    return RaceAnswer(0, kind, **about)  # type: ignore[arg-type]


def endless(kind: str, head: bytes, filler: bytes) -> RaceAnswer:
    """Return a case in which an answer never ends, and comes faster than it is read."""
    begin = head + (filler * (4096 // len(filler) + 1))[:4096]
    return answered(kind, begin=begin, size=_ENDLESS, rush=True)


_NUMBERS = ",".join(f'{{"num_passing":{number}}}' for number in range(6, 3000))
CASES = {
    "the next answer, said too early": answered("send", lie="twin"),
    "the first batch's answer, behind that of the session": answered("open", lie="twin", next=5),
    "fewer than none": answered("send", lie=1, times=2),
    "more, less some": answered("send", lie=2, times=2),
    "one count, then another": answered("send", lie=4, times=2),
    "a count outside of the envelope": answered("send", lie=6, times=2),
    "a count, then a list of counts": answered("send", lie=22, times=2),
    "a list that the key may not read": answered("list", lie=4),
    "a list of a session that is not there": answered("list", lie=5),
    "a list that is cut, then none": answered("list", lie=1),
    "an item without a number": answered("list", '{"result":[{}]}', 200),
    "an item whose number is null": answered("list", '{"result":[{"num_passing":null}]}', 200),
    "an item that is no object": answered("list", '{"result":[5]}', 200),
    "all that the cloud has": answered("list", f'{{"result":[{_NUMBERS}]}}', 200),
    "a token in two lines": answered(
        "open", f'{{"token_session":"{OTHER[:30]}\\r\\n{OTHER[30:]}"}}'
    ),
    "a token with much room": answered("open", f'{{"token_session":"{" " * 130}{OTHER}"}}'),
    "two tokens": answered(
        "open", f'{{"token_session":"{OTHER}","token_session":"{"6D" * 32}"}}', done=True
    ),
    "chunks without end": endless("send", _CHUNKED, b"1\r\nx\r\n"),
    "a chunk's line without end": endless("send", _CHUNKED, b"F" * 64),
    "trailers without end": endless("close", _CHUNKED + b"0\r\n", b"Z: z\r\n"),
    "a line without end": endless("open", b"HTTP/1.1 200 OK\r\nX: ", b"x" * 64),
    "a body without end": endless("list", b"HTTP/1.1 200 OK\r\n\r\n", b" " * 64),
    "fields without end": endless("send", b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"),
    "interim answers without end": endless("send", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.fixture(scope="module")
def results() -> dict[str, RaceResult]:
    """Play all of them in one process."""
    return dict(zip(CASES, play_all(CASES.values()), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_an_answer_that_is_not_trusted(name: str, results: dict[str, RaceResult]) -> None:
    """The race goes on, in time and in its heap, and at its end each passing is there, or named."""
    result = results[name]
    assert wrong(result) == []
    assert not wants_memory(result)
    assert result.told["spoilt"]
    assert result.told["outcome"] in {"done", "stopped: closed_again"}


def test_a_sample_of_hostile_answers() -> None:
    """Of any answers, in any kind of request, none drops a passing, holds the program or the heap."""
    survey = bombard_races(seeds(3, 120), workers=2)
    assert survey.bad == {}
    assert survey.answers == sum(survey.ends.values()) == 120
    assert survey.short == 0
    assert set(survey.kinds) == {"open", "sessions", "send", "list", "close"}


def test_what_counts_is_only_said_where_it_is_true() -> None:
    """Each kind of case is drawn, and none that was not carried out is counted as it has to be."""
    drawn = [make_race_answer(seed) for seed in seeds(1, 2000)]
    kinds = Counter("twin" if one.lie == "twin" else "lie" if one.lie else "" for one in drawn)
    assert min(kinds["twin"], kinds["lie"]) > 50
    plain = [one for one in drawn if not one.done and not one.lie and one.kind == "send"]
    assert len(plain) > 50
    assert not [one for one in plain if b'"inserted_count":5,' in one.begin]
    assert make_race_answer(7) == make_race_answer(7)


def test_a_role_that_trusts_is_noticed(tmp_path: Path) -> None:
    """A role that takes counts as they come is found by the numbers that it calls sent."""
    firmware = tmp_path / "firmware"
    shutil.copytree(data_folder("firmware"), firmware)
    path = firmware / "startline_race" / "clouds" / "rufus.py"
    good = " if min(counts) >= 0 else None"
    assert path.read_text().count(good) == 1
    path.write_text(path.read_text().replace(good, ""))
    (result,) = play_all([CASES["fewer than none"]], firmware)
    assert "a passing counts as sent and is not there" in wrong(result)

"""What a cloud takes as sessions and passings: strict or lenient, doubles, limits, dates."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from startline_host.errors import BadInput
from startline_host.mock_cloud.store import iso

from .conftest import Client, Start

Connect = Callable[..., Client]

GOOD = {"bib": "7", "num_passing": 1, "timestamp": "2023-01-22T09:20:25.000Z"}


class Racing:
    """A client with a session that is open."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.device = client.bind()
        self.token = client.session(self.device)

    def insert(self, *passings: object) -> tuple[int, Any, Any]:
        """Insert passings; return the status and both counts, None where they are not told."""
        answer = self.client.post(
            "/passings", {"token_session": self.token, "passings_list": passings}
        )
        fields = answer.json()
        return answer.status_code, fields.get("inserted_count"), fields.get("duplicate_count")

    def rows(self) -> list[dict[str, Any]]:
        """List the passings of the session."""
        answer = self.client.get(f"/passings/session/{self.token}").json()
        return list(answer["result"])


@pytest.fixture
def race(start: Start, connect: Connect) -> Callable[..., Racing]:
    """Start clouds with a session on a device."""
    return lambda **options: Racing(connect(start(**options)))


def dated(number: int, seconds_ago: float) -> dict[str, object]:
    """Make a passing that was so many seconds ago."""
    return {**GOOD, "num_passing": number, "timestamp": iso(time.time() - seconds_ago)}


@pytest.mark.parametrize("envelope", ["bare", "body"])
def test_strict_refuses_fields_that_it_does_not_name(
    start: Start, connect: Connect, envelope: str
) -> None:
    """An unknown field at any place is refused with 400, in the cloud's envelope, and named."""
    client = connect(start(envelope=envelope))
    for path, fields in (
        ("/sessions", {"deviceid": "0" * 64, "colour": "red"}),
        ("/passings", {"token_session": "0" * 64, "passings_list": [GOOD], "colour": "red"}),
        ("/passings", {"token_session": "0" * 64, "passings_list": [{**GOOD, "colour": 1}]}),
    ):
        answer = client.post(path, fields)
        inside = answer.json()["body"] if envelope == "body" else answer.json()
        assert answer.status_code == 400
        assert "colour" in inside["description"]


def test_strict_has_coordinates_as_numbers(race: Callable[..., Racing]) -> None:
    """Numbers and null go in and come back as such; a text is refused."""
    racing = race()
    assert racing.insert({**GOOD, "latitude": 12.5, "longitude": None})[0] == 201
    assert racing.insert({**GOOD, "num_passing": 2, "latitude": "12.5"})[0] == 400
    (row,) = racing.rows()
    assert (row["latitude"], row["longitude"]) == (12.5, None)


def test_lenient_takes_what_the_older_page_has(race: Callable[..., Racing]) -> None:
    """`chips` is `chip`, coordinates are texts that may come as numbers, and the rest is ignored."""
    racing = race(strict=False)
    passing = {**GOOD, "chips": "E200", "latitude": 12.5, "longitude": "-70", "colour": "red"}
    assert racing.insert(passing) == (201, 1, 0)
    (row,) = racing.rows()
    assert (row["chip"], row["latitude"], row["longitude"]) == ("E200", "12.5", "-70")
    assert "colour" not in row
    more = {"deviceid": racing.device, "colour": "red"}
    assert racing.client.post("/sessions", more).status_code == 201


#: The same again; another time, as after a clock was corrected; another bib under the number.
AGAIN = (GOOD, {**GOOD, "timestamp": "2023-01-22T09:20:26.000Z"}, {**GOOD, "bib": "8"})


@pytest.mark.parametrize(
    ("rule", "inserted"), [("full", [0, 1, 1]), ("number", [0, 0, 0]), ("none", [1, 1, 1])]
)
def test_each_rule_for_doubles(
    race: Callable[..., Racing], rule: str, inserted: list[int]
) -> None:
    """What is a double is counted and not stored, within one request as between two."""
    racing = race(duplicates=rule)
    assert racing.insert(GOOD) == (201, 1, 0)
    for passing, count in zip(AGAIN, inserted, strict=True):
        assert racing.insert(passing) == (201, count, 1 - count)
    assert len(racing.rows()) == 1 + sum(inserted)
    second = {**GOOD, "num_passing": 2}
    assert racing.insert(second, second)[1] == (2 if rule == "none" else 1)


def test_numbers_count_by_session(race: Callable[..., Racing]) -> None:
    """The same passing in another session is no double."""
    racing = race(duplicates="number")
    racing.insert(GOOD)
    racing.token = racing.client.session(racing.device)
    assert racing.insert(GOOD) == (201, 1, 0)


def test_good_passings_can_go_in_beside_bad_ones(race: Callable[..., Racing]) -> None:
    """With partial insertion the good ones are inserted and counted, and none good is a refusal."""
    racing = race(partial_insertion=True, stale_after=3600)
    bad = ({**dated(2, 0), "bib": ""}, {**dated(3, 0), "colour": 1}, dated(4, 7200), None, 5)
    assert racing.insert(dated(1, 0), *bad, dated(5, 0)) == (201, 2, 0)
    assert [row["num_passing"] for row in racing.rows()] == [1, 5]
    assert racing.insert(*bad)[0] == 400
    assert racing.client.post("/passings", {"token_session": racing.token}).status_code == 400
    assert racing.client.post("/passings", [GOOD]).status_code == 400


def test_stale_and_future_times_can_be_refused(race: Callable[..., Racing]) -> None:
    """A passing that is too old or too far ahead refuses its list with 400, and is named."""
    racing = race(stale_after=3600, future_after=60)
    assert racing.insert(dated(1, 3000), dated(2, -30)) == (201, 2, 0)
    for passing, words in ((dated(7, 4000), "older than 3600 s"), (dated(7, -120), "60 s ahead")):
        answer = racing.client.post(
            "/passings", {"token_session": racing.token, "passings_list": [passing, dated(8, 0)]}
        )
        assert answer.status_code == 400
        assert f"passing 7 is {words}" in answer.json()["description"].replace("more than ", "")
    assert len(racing.rows()) == 2


def test_lists_and_bodies_can_be_limited(race: Callable[..., Racing]) -> None:
    """One passing or one byte too many is answered with 413, and nothing is inserted."""
    racing = race(largest_list=3, largest_body=2000)
    three = [{**GOOD, "num_passing": number} for number in range(3)]
    assert racing.insert(*three, {**GOOD, "num_passing": 3})[0] == 413
    assert racing.insert({**GOOD, "num_passing": 0, "padding": "x" * 200_000})[0] == 413
    assert racing.rows() == []
    assert racing.insert(*three) == (201, 3, 0)


@pytest.mark.parametrize(
    "options",
    [{"duplicates": "some"}, {"largest_list": 0}, {"stale_after": -1}, {"future_after": 10**10},
     {"largest_body": 10}],
)  # fmt: skip
def test_rules_that_do_not_exist_are_refused(start: Start, options: dict[str, Any]) -> None:
    """A wrong rule is told before anything is served."""
    with pytest.raises(BadInput):
        start(**options)

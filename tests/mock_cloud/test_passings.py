"""The RUFUS calls about race passings."""

from __future__ import annotations

import pytest

from .conftest import Client

GOOD = {"bib": "7", "num_passing": 1, "timestamp": "2023-01-22T09:20:25.000Z"}


@pytest.fixture
def token(client: Client) -> str:
    """Start a session on a new device."""
    return client.session(client.bind())


def insert(client: Client, token: str, *passings: object) -> dict[str, object]:
    """Insert passings and return the answer's fields with its status."""
    answer = client.post("/passings", {"token_session": token, "passings_list": passings})
    return {"status": answer.status_code, **answer.json()}


def test_the_vendors_example_is_taken(client: Client, token: str) -> None:
    """Passings with every field of the page come back as they were sent."""
    full = {
        **GOOD, "num_passing": 2, "timezone": "UTC", "latitude": 12.5, "longitude": 13.0,
        "status": "Sent", "participant_id": "XB123AR8", "chip": "000000000000017", "gender": "F",
    }  # fmt: skip
    answer = insert(client, token, GOOD, full)
    assert (answer["status"], answer["inserted_count"], answer["duplicate_count"]) == (201, 2, 0)
    rows = client.get(f"/passings/session/{token}").json()["result"]
    assert {name: rows[1][name] for name in full} == full
    assert rows[0]["token_session"] == token


def test_what_was_sent_before_counts_as_duplicate(client: Client, token: str) -> None:
    """A passing sent twice is stored once; another bib under its number is another."""
    insert(client, token, GOOD)
    answer = insert(client, token, GOOD, {**GOOD, "num_passing": 2}, {**GOOD, "bib": "8"})
    assert (answer["inserted_count"], answer["duplicate_count"]) == (2, 1)


def test_a_whole_number_is_one_in_any_spelling(client: Client, token: str) -> None:
    """JSON's 40.0 is the number 40."""
    assert insert(client, token, {**GOOD, "num_passing": 40.0})["status"] == 201
    (row,) = client.get(f"/passings/session/{token}").json()["result"]
    assert repr(row["num_passing"]) == "40"


@pytest.mark.parametrize(
    "change",
    [
        {"bib": None}, {"bib": 7}, {"bib": ""}, {"num_passing": -1}, {"num_passing": "1"},
        {"num_passing": 1.5}, {"num_passing": 2**60}, {"timestamp": "2023-02-29T00:00:00.000Z"},
        {"timestamp": "2023-01-22T09:20:25Z"}, {"timestamp": "2023-01-22 09:20:25.000"},
        {"timestamp": 1}, {"latitude": 181}, {"status": 5}, {"latitude": "12.5"}, {"chips": "E200"},
        {"epc": "E200"},
    ],
)  # fmt: skip
def test_one_bad_passing_refuses_all(
    client: Client, token: str, change: dict[str, object]
) -> None:
    """A passing with a wrong field is refused with 400, and the good one beside it as well."""
    assert insert(client, token, GOOD, {**GOOD, **change})["status"] == 400
    assert client.get(f"/passings/session/{token}").json()["result"] == []


def test_an_empty_list_is_refused(client: Client, token: str) -> None:
    """At least one passing is needed."""
    assert insert(client, token)["status"] == 400


def test_leap_days_are_days(client: Client, token: str) -> None:
    """The 29th of February is taken in leap years."""
    for day in ("2024-02-29", "2000-02-29"):
        assert (
            insert(client, token, {**GOOD, "timestamp": f"{day}T00:00:00.000Z"})["status"] == 201
        )


def test_a_range_of_a_session(client: Client, token: str) -> None:
    """`first` and `last` choose by num_passing, in its order."""
    client.pass_by(token, 5, 3, 1, 4, 2)
    rows = client.get(f"/passings/session/{token}?first=2&last=4").json()
    assert [row["num_passing"] for row in rows["result"]] == [2, 3, 4]
    assert rows["pagination"]["total"] == 3


def test_a_time_span_of_a_device(client: Client) -> None:
    """`from` and `to` choose by time over all sessions of a device."""
    device = client.bind()
    for minute in (1, 2):
        client.pass_by(client.session(device), 1, 2, minute=minute)
    path = f"/passings/device/{device}?from=2026-05-01T09:01:02.000Z&to=2026-05-01T09:02:01.000Z"
    rows = client.get(path).json()["result"]
    assert [row["timestamp"][14:19] for row in rows] == ["01:02", "02:01"]


def test_pages_hold_five_thousand(client: Client, token: str) -> None:
    """The 5,001st passing stands on the second page."""
    client.pass_by(token, *range(5001))
    pages = [client.get(f"/passings/session/{token}?page={page}").json() for page in (1, 2)]
    assert [len(page["result"]) for page in pages] == [5000, 1]
    assert pages[0]["pagination"]["total_pages"] == 2


def test_reading_goes_on_where_it_stopped(client: Client) -> None:
    """With a session and the last number, only what came later is read."""
    device = client.bind()
    token = client.session(device, "5K")
    client.pass_by(token, 1, 2, 3)
    answer = client.get(f"/passings/device2/{device}?token_session={token}&last=2").json()
    assert [row["num_passing"] for row in answer["passings"]] == [3]
    assert (answer["session_used"], answer["session_label"]) == (token, "5K")
    assert answer["resumed_from"] == 2


def test_reading_goes_on_in_the_next_session(client: Client) -> None:
    """When a session is read to its end, the next one follows from its beginning."""
    device = client.bind()
    first = client.session(device)
    client.pass_by(first, 1, 2)
    client.session(device)  # stays empty
    third = client.session(device)
    client.pass_by(third, 1)
    answer = client.get(f"/passings/device2/{device}?token_session={first}&last=2").json()
    assert (answer["session_used"], answer["resumed_from"]) == (third, None)
    assert [row["num_passing"] for row in answer["passings"]] == [1]
    assert client.get(f"/passings/device2/{device}").json()["session_used"] == first


@pytest.mark.parametrize(
    ("query", "status"),
    [("last=1", 200), ("last=x", 400), ("from=yesterday", 400), ("to=2026-05-01", 400), ("page=0", 400),
     (f"token_session={'0' * 64}", 404)],
)  # fmt: skip
def test_reading_on_has_bounds(client: Client, query: str, status: int) -> None:
    """A wrong query is refused, and a session of another device is not found."""
    device = client.bind()
    client.session(device)
    assert client.get(f"/passings/device2/{device}?{query}").status_code == status

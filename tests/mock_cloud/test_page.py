"""What the page is made of: its document, its news, its lock, and no secret in any of them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from startline_host.mock_cloud.log_format import mask_secrets
from startline_host.secrets import Secret

from .conftest import Client, Start

Connect = Callable[..., Client]


@contextmanager
def news(client: Client) -> Iterator[Iterator[tuple[str, dict[str, object]]]]:
    """Listen to the page's events, each as its kind and its data."""
    with httpx.stream(
        "GET", f"{client.cloud.root_url}/_page/events", trust_env=False, timeout=10
    ) as answer:

        def events() -> Iterator[tuple[str, dict[str, object]]]:
            kind = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    yield kind, json.loads(line[6:])
                elif line.startswith("retry: "):
                    yield "retry", {}

        listener = events()
        assert next(listener)[0] == "retry"  # from here on nothing is missed
        yield listener


@pytest.fixture
def plain(start: Start, connect: Connect) -> Client:
    """Call a cloud over plain HTTP."""
    return connect(start(tls=False))


def test_the_page_is_one_document_that_loads_nothing(plain: Client) -> None:
    """The page names no other address, and its policy lets only its own style and script run."""
    answer = plain.http.get(plain.cloud.page_url)
    assert answer.headers["content-type"].startswith("text/html")
    assert re.findall(r"https?://|//[a-z]+\.|@import|url\(|src=", answer.text) == []
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_a_request_is_news(plain: Client) -> None:
    """A bind is told as it arrives and when it is answered, and that something has changed."""
    with news(plain) as events:
        plain.bind("R1")
        told: list[tuple[str, Any]] = []
        while "changed" not in [kind for kind, _ in told]:
            told.append(next(events))
    requests = [fields for kind, fields in told if kind == "request"]
    assert {one["number"] for one in requests} == {1}
    assert (requests[0]["ended"], requests[-1]["ended"]) == (False, True)
    assert (requests[-1]["status"], requests[-1]["path"]) == (201, "/v0/devices")


def test_switches_and_late_commits_are_news(plain: Client) -> None:
    """A fault switched by a test, a late commit and a reset are told as well."""
    with news(plain) as events:
        plain.cloud.faults.turn_on("commit_late:300x1")
        assert next(events)[0] == "changed"
        with pytest.raises(httpx.TransportError):
            plain.bind("R1")
        plain.cloud.commit_late_now()
        plain.cloud.reset()
        kinds = [next(events)[0] for _ in range(6)]
    assert kinds.count("changed") >= 3


def test_a_page_that_lags_behind_is_let_go(plain: Client) -> None:
    """A listener that does not keep up is ended instead of being queued for without end."""
    with news(plain) as events:
        for _ in range(20_000):  # more than sockets and queue hold together
            plain.cloud._site.hub.publish("changed", {"padding": "x" * 1000})
        assert len(list(events)) < 20_000
    assert plain.bind("R1")


def test_the_state_shows_everything(plain: Client) -> None:
    """Devices of both clouds, sessions, requests and faults stand in the state."""
    device = plain.bind("R1", alias="Start")
    token = plain.session(device)
    plain.pass_by(token, 1)
    plain.cloud.vms.reserve(serial_number="V1")
    plain.cloud.faults.turn_on("status:500")
    root = plain.cloud.root_url
    state = plain.http.get(f"{root}/_page/state").json()
    assert [(one["cloud"], one["state"]) for one in state["devices"]] == [
        ("RUFUS", "timing"), ("VMS", "reserved"),
    ]  # fmt: skip
    assert (state["sessions"][0]["token"], state["sessions"][0]["passings"]) == (token, 1)
    assert [one["path"] for one in state["requests"]] == ["/v0/devices", "/v0/sessions",
                                                          "/v0/passings"]  # fmt: skip
    assert [one["order"] for one in state["faults"]["active"]] == ["status:500"]
    shown = plain.http.get(f"{root}/_page/sessions/{token}").json()
    assert shown["passings"][0]["bib"] == "1"


def test_a_session_shows_gaps_and_doubles_by_number(start: Start, connect: Connect) -> None:
    """Missing numbers are named as ranges from 1 on, doubles with how often they are there."""
    plain = connect(start(tls=False, duplicates="none"))
    token = plain.session(plain.bind())
    view = f"{plain.cloud.root_url}/_page/sessions/{token}"
    empty = plain.http.get(view).json()
    assert (empty["numbers"]["total"], empty["numbers"]["gaps"]) == (0, [])
    plain.pass_by(token, 2, 3, 7, 8, 10)
    plain.pass_by(token, 7, 7)
    shown = plain.http.get(view).json()
    assert shown["numbers"] == {
        "total": 7, "last": 10, "missing": 5, "gaps": [[1, 1], [4, 6], [9, 9]], "more_gaps": 0,
        "doubled": 1, "doubles": [[7, 3]],
    }  # fmt: skip
    assert [one["times"] for one in shown["passings"]] == [3, 3, 1, 1, 3, 1, 1]
    plain.pass_by(token, *range(100, 200, 2))
    more = plain.http.get(view).json()["numbers"]
    assert (len(more["gaps"]), more["more_gaps"], more["last"]) == (20, 33, 198)


def test_a_session_has_a_curve_over_time(plain: Client) -> None:
    """Passings are counted up over the race's time, in few points, the first and last among them."""
    token = plain.session(plain.bind())
    view = f"{plain.cloud.root_url}/_page/sessions/{token}"
    assert plain.http.get(view).json()["curve"]["passed"] == []
    numbers = range(1, 1000)
    passings = [
        {"bib": "1", "num_passing": n, "timestamp": f"2026-05-01T09:{n // 60:02}:{n % 60:02}.500Z"}
        for n in numbers
    ]
    plain.cloud.store.now = lambda: datetime(2026, 5, 1, 10, tzinfo=UTC).timestamp()
    plain.post("/passings", {"token_session": token, "passings_list": passings})
    curve = plain.http.get(view).json()["curve"]
    assert curve["begins"] == "2026-05-01T09:00:01.500Z"
    assert curve["ends"] == "2026-05-01T10:00:00.000Z"
    assert (curve["passed"][0], curve["passed"][-1]) == ([0, 1], [998, 999])
    assert len(curve["passed"]) == 200
    assert curve["arrived"][-1] == [3598.5, 999]


def test_a_curve_leaves_arrivals_out_that_are_far_from_the_race(plain: Client) -> None:
    """A race of another year is shown by itself, the strangest dates of the API among them."""
    token = plain.session(plain.bind())
    for number, day in enumerate(("0000-02-29", "0001-01-01")):
        fields = {"bib": "1", "num_passing": number, "timestamp": f"{day}T00:00:00.000Z"}
        answer = plain.post("/passings", {"token_session": token, "passings_list": [fields]})
        assert answer.status_code == 201
    curve = plain.http.get(f"{plain.cloud.root_url}/_page/sessions/{token}").json()["curve"]
    assert (len(curve["passed"]), curve["arrived"]) == (2, [])


def test_a_session_is_closed_from_the_page(plain: Client) -> None:
    """The order closes an active session, once, and only as JSON, which no other page can send."""
    token = plain.session(plain.bind())
    close = f"{plain.cloud.root_url}/_page/sessions/{token}/close"
    assert plain.http.post(close).status_code == 400
    assert plain.http.post(close, json={}).status_code == 200
    assert plain.http.post(close, json={}).status_code == 404
    assert plain.pass_by(token, 1).status_code == 404


def test_no_secret_is_shown(plain: Client) -> None:
    """Keys in headers, paths, queries and bodies are masked wherever the page shows them."""
    key = plain.key
    plain.call(
        "POST", f"/devices/{key}?api_key={key}", json={"api_key": key, "password": "hunter22"},
        headers={"Authorization": "Bearer hunter22", "X-Other": key},
    )  # fmt: skip
    root = plain.cloud.root_url
    for path in ("/_page/state", "/_page/requests/1", "/openapi.json"):
        text = plain.http.get(root + path).text
        assert key not in text, path
        assert "hunter22" not in text, path


@pytest.mark.parametrize(
    "text", ['{"password": "hunter22"}', '"api_key":"hunter22"', "a=1&api_key=hunter22&b=2",
             "Bearer hunter22", "ror-hunter22"],
)  # fmt: skip
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    """Keys, bearer tokens, and members with a secret's name are masked in any text."""
    assert "hunter22" not in mask_secrets(text)


def test_a_request_that_is_gone_is_told(plain: Client) -> None:
    """Asking for a request that is not kept gets 404 in words."""
    answer = plain.http.get(f"{plain.cloud.root_url}/_page/requests/99")
    assert (answer.status_code, "no longer" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"on": "status:503"}, None), ({"off": "status"}, None), ({"clear": True}, None),
        ({"on": "bogus"}, "no fault 'bogus'"), ({"on": "delay:5"}, "works on bytes"),
        ({"on": 5}, "not an action"), ({}, "not an action"), ([], "not an action"), ({"clear": "yes"}, "not an action"),
        ({"on": "x" * 5000}, "not an action"),
    ],
)  # fmt: skip
def test_switches_take_orders(plain: Client, order: object, problem: str | None) -> None:
    """An order is carried out, or refused with 400 and a sentence."""
    answer = plain.http.post(f"{plain.cloud.root_url}/_page/faults", json=order)
    assert answer.status_code == (200 if problem is None else 400)
    assert problem is None or problem in answer.json()["problem"]


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !!!", "Bearer x", "Basic " + base64.b64encode(b"a:wrong").decode(),
     "Basic " + base64.b64encode(b"wide open").decode(),
     "Basic " + base64.b64encode("a:größer".encode()).decode()],
)  # fmt: skip
def test_a_password_locks_the_page_and_not_the_clouds(
    start: Start, connect: Connect, authorization: str
) -> None:
    """With a password, the page and all its parts want it; readers are served as ever."""
    client = connect(start(tls=False, password=Secret("wide open")))
    paths = ("/", "/_page/state", "/_page/events", "/_page/requests/1", "/openapi.json")
    for path in paths:
        answer = client.http.get(
            client.cloud.root_url + path, headers={"Authorization": authorization}
        )
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert client.bind("R1")
    opened = client.http.get(client.cloud.page_url, auth=("anybody", "wide open"))
    assert opened.status_code == 200

"""A first boot that cannot succeed: what failed is named, and nothing is bound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Done, Startline

Start = Callable[..., VirtualEsp32]


class Up:
    """Brings up one reader, which has its agent already, in a world of one's own."""

    def __init__(self, startline: Startline, start: Start) -> None:
        self._startline = startline
        self._start = start
        self._chip: VirtualEsp32 | None = None

    def __call__(self, world: dict[str, Any] | None = None, *more: str) -> Done:
        """Run the command; the reader is switched on at the first call."""
        self._chip = self._chip or self._start(world)
        return self._startline("up", "-p", self._chip.url, "--serial", SERIAL, *more)


@pytest.fixture
def up(
    startline: Startline, start: Start, load_flash: Callable[..., None], settings_file: Path
) -> Up:
    """Have a reader with its agent and no identity, and the settings to bring it up with."""
    load_flash()
    return Up(startline, start)


def nothing_was_sent(cloud: MockCloud) -> bool:
    """Tell whether the cloud got no request but the looks of this computer, and has no device."""
    return all(one.method == "GET" for one in cloud.requests) and not cloud.devices()


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("other_ca", "issued by a CA that the device does not know"),
        ("other_host", "is for another host name"),
        ("expired", "has expired"),
        ("not_yet_valid", "is not valid yet"),
    ],
)
def test_a_wrong_certificate_ends_before_the_first_byte(
    up: Up, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch, certificate: str, words: str
) -> None:
    """Whichever fault it is, it is named (21) before anything is erased, and no byte was sent."""
    monkeypatch.delenv("STARTLINE_READ_KEY")
    cloud.use_certificate(certificate)
    done = up()
    assert done.code == 21, done.err
    assert words in done.err
    assert "Nothing was written" in done.err
    assert not list(cloud.requests)
    assert nothing_was_sent(cloud)


@pytest.mark.parametrize(
    ("world", "code", "words"),
    [
        ({"ntp": {"*": -2 * 365 * 86400}}, 22, "before the device was made"),
        # A server that lives before 2024 is one of the next century to the firmware.
        ({"ntp": {"*": -10 * 365 * 86400}}, 22, "in the far future"),
        ({"ntp": {"*": None}}, 22, "no time server answered"),
        ({"access_points": {}}, 20, "'bench': no such network. It sees no network at all"),
        ({"access_points": {"bench 5G": {}}}, 20, "'bench': no such network. It sees 'bench 5G'"),
        ({"access_points": {"bench": {"password": "another one"}}}, 20, "wrong password"),
        ({"dns": {"localhost": None}}, 20, "resolve"),
    ],
)
def test_what_the_world_lacks_is_named(
    up: Up,
    cloud: MockCloud,
    monkeypatch: pytest.MonkeyPatch,
    world: dict[str, Any],
    code: int,
    words: str,
) -> None:
    """No time, a wrong time, no network, no name: each has its exit code and its words."""
    monkeypatch.delenv("STARTLINE_READ_KEY")  # this computer does not look either
    done = up(world, "--made-at", datetime.now(UTC).date().isoformat())
    assert done.code == code, done.err
    assert words in done.err
    assert nothing_was_sent(cloud)


def test_a_redirect_is_not_followed(up: Up, cloud: MockCloud) -> None:
    """A cloud that points elsewhere gets no second request anywhere, and the key goes nowhere."""
    cloud.faults.turn_on("redirect@POST")
    done = up()
    assert done.code == 31, done.err
    assert [request.method for request in cloud.requests].count("POST") == 1
    assert not list(cloud.trapped)


def test_a_refusal_comes_in_the_clouds_words(
    up: Up, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal ends with 30, after one request, and the command says what the cloud said."""
    monkeypatch.delenv("STARTLINE_READ_KEY")
    cloud.faults.turn_on("status:403@POST")
    done = up()
    assert done.code == 30, done.err
    assert "The cloud refused the device" in done.err
    assert [request.method for request in cloud.requests].count("POST") == 1


@pytest.mark.parametrize(
    ("key", "words"),
    [("READ", "is a READ key"), ("none of theirs", "does not know the claim key")],
)
def test_a_key_that_cannot_bind_is_found_before_the_first_erase(
    up: Up, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch, key: str, words: str
) -> None:
    """The claim key's kind is told by looks alone, and nothing is written for a wrong one (30)."""
    text = cloud.keys.get(key, "ror-00000000000000000000")
    monkeypatch.setenv("CLAIM_KEY", text)
    monkeypatch.delenv("STARTLINE_READ_KEY")
    done = up()
    assert done.code == 30, done.err
    assert words in done.err
    assert "Nothing was written" in done.err
    assert "Starting the device" not in done.err
    assert "POST" not in {request.method for request in cloud.requests}
    assert text not in done.err + done.out


def test_an_answer_that_is_lost_is_not_asked_for_again(
    up: Up, cloud: MockCloud, flash: Path
) -> None:
    """A lost answer leaves the device unknown (31), and the next run does not touch it (41)."""
    cloud.faults.turn_on("commit_then_drop")
    done = up()
    assert done.code == 31, done.err
    before = flash.read_bytes()
    again = up()
    assert again.code == 41, again.err
    assert "is not known" in again.err
    assert flash.read_bytes() == before
    assert [request.method for request in cloud.requests].count("POST") == 1

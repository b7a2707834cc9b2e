"""The link of a race: joined without holding anybody, and joined anew when nothing comes over it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline.net import StepFailed

from tests.race_role.paper_cloud import MakeRace, PaperRace

NO_SUCH_NETWORK = 201
CONNECTING = 1001


class JoiningStation:
    """A driver of Wi-Fi; `joins` says after how many looks it has an address, 0 for never."""

    def __init__(self, joins: int = 0, state: int = CONNECTING) -> None:
        self.joins = joins
        self.state = state
        self.looks = 0
        self.asked: list[tuple[Any, ...]] = []
        self.refuses: list[Exception] = []

    def isconnected(self) -> bool:
        """Tell whether there is an address."""
        self.looks += 1
        return 0 < self.joins <= self.looks

    def active(self, on: bool) -> None:
        """Switch it on."""
        self.asked.append(("active", on))

    def config(self, **more: object) -> None:
        """Take a setting."""
        self.asked.append(("config", more))

    def connect(self, *names: str) -> None:
        """Join, or say that it is busy."""
        self.asked.append(("connect", *names))
        if self.refuses:
            raise self.refuses.pop(0)

    def status(self, what: str = "") -> int:
        """Return the state of the join. Raises OSError for a signal, of which there is none."""
        if what:
            raise OSError("Wifi Not Connected")
        return self.state

    def disconnect(self) -> None:
        """Leave."""
        self.asked.append(("disconnect",))
        if self.refuses:
            raise self.refuses.pop(0)

    def joined(self) -> list[tuple[Any, ...]]:
        """Return the names that it was to join, with their passwords."""
        return [one[1:] for one in self.asked if one[0] == "connect"]


def link(station: JoiningStation) -> tuple[PaperRace, Any]:
    """Return a race over that station, and its network."""
    race = PaperRace()
    race.chip.station = station
    return race, race.sender.network


def test_a_link_that_is_up() -> None:
    """What has an address already is used as it is, without a word or a wait."""
    race, network = link(JoiningStation(joins=1))
    assert list(network.up()) == list(network.up()) == []
    assert race.chip.station.asked == race.events("link") == []
    assert network.sockets.getaddrinfo


def test_a_join_that_takes_a_while() -> None:
    """It is asked for once, looked at every 50 ms, and told; the driver tries by itself as well."""
    race, network = link(JoiningStation(joins=5))
    assert list(network.up()) == [50] * 3
    assert race.chip.station.asked == [
        ("active", True), ("config", {"reconnects": 2}), ("connect", "bench", "bench-wifi"),
    ]  # fmt: skip
    assert race.events("link") == [{"kind": "wifi", "phase": "join"}]


@pytest.mark.parametrize(
    ("state", "times", "reason"), [(CONNECTING, 1, "timeout"), (NO_SUCH_NETWORK, 4, "no_such_network")]
)  # fmt: skip
def test_a_join_that_fails(state: int, times: int, reason: str) -> None:
    """Twenty seconds later it is given up; a driver that gives up before is asked every five."""
    race, network = link(JoiningStation(state=state))
    with pytest.raises(StepFailed) as failed:
        list(network.up())
    assert failed.value.args[:2] == ("link", reason)
    assert len(race.chip.station.joined()) == times


def test_how_long_a_join_is_waited_for() -> None:
    """Four hundred looks, and an address that is there at the last one counts."""
    for joins, waits in ((401, 399), (402, 400)):
        _, network = link(JoiningStation(joins=joins))
        found = []
        try:
            for wait in network.up():
                found.append(wait)  # noqa: PERF402 - the last one fails
            given_up = False
        except StepFailed:
            given_up = True
        assert (len(found), given_up) == (waits, joins > 401)


@pytest.mark.parametrize("error", [OSError(116, ""), RuntimeError("busy"), ValueError("busy")])
def test_a_driver_that_is_busy(error: Exception) -> None:
    """What it says to a join that comes too soon ends nothing: the one before may yet succeed."""
    station = JoiningStation(joins=4)
    station.refuses = [error]
    _, network = link(station)
    assert list(network.up()) == [50] * 2


def test_without_the_name_of_a_network() -> None:
    """There is nothing to join, which is said, and nothing asked."""
    race, network = link(JoiningStation())
    del race.device.identity.values["net.ssid"]
    with pytest.raises(StepFailed) as failed:
        list(network.up())
    assert failed.value.args[:2] == ("link", "no_ssid")
    assert race.chip.station.asked == []


def test_a_link_without_traffic_is_joined_anew() -> None:
    """Three failures in a row that it would explain have it left; any other begins the count again."""
    race, network = link(JoiningStation(joins=1))
    network.failed("dns", "not_found")  # no driver is known yet
    network.failed("connect", "econnrefused")
    list(network.up())
    left = ("disconnect",)
    for failures, times in (
        ([("dns", "not_found"), ("connect", "timeout")], 0),
        ([("connect", "econnrefused"), ("answer", "timeout"), ("dns", "x")], 0),
        ([("tls", "timeout")], 1),
        ([("dns", "x"), ("dns", "x")], 1),
        ([("dns", "x")], 2),
    ):
        for one in failures:
            network.failed(*one)
        assert race.chip.station.asked.count(left) == times, failures
    race.chip.station.refuses = [OSError(1, "")]
    for _ in range(3):
        network.failed("answer", "timeout")
    assert race.chip.station.asked.count(left) == 3


def test_an_answer_shows_that_a_link_works(make: MakeRace) -> None:
    """Whatever the cloud says begins the count of silent failures again."""
    race = make()
    race.chip.station = JoiningStation(joins=1)
    network = race.sender.network
    for _ in range(2):
        network.failed("dns", "not_found")
    race.send(lambda: race.race.state["sent"] == 5)
    network.failed("dns", "not_found")
    assert ("disconnect",) not in race.chip.station.asked


def test_the_cable(mocker: MockerFixture) -> None:
    """With the cable as link its role is taken once, and brought up in three seconds."""
    race, network = link(JoiningStation())
    race.device.identity.values["net.link"] = "usb"
    made = []

    def cable(*given: object) -> Any:
        made.append(given)
        return SimpleNamespace(up=made.append)

    load = mocker.patch("startline.roles.load_role", return_value=SimpleNamespace(UsbLink=cable))
    assert list(network.up()) == list(network.up()) == []
    assert made == [(race.chip, race.device.identity), 3000]
    assert network.sockets is network.usb is not None
    load.assert_called_once_with(network, "startline_usb")
    race.race.sender().network.failed("dns", "x")  # no driver of Wi-Fi is needed for it


def test_the_cable_without_its_role(mocker: MockerFixture) -> None:
    """It is a failure of the link, and is looked for again the next time."""
    race, network = link(JoiningStation())
    race.device.identity.values["net.link"] = "usb"
    mocker.patch("startline.roles.load_role", return_value=None)
    for _ in range(2):
        with pytest.raises(StepFailed) as failed:
            list(network.up())
        assert failed.value.args[:2] == ("link", "no_role")

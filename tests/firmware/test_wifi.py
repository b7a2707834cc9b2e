"""The Wi-Fi link against the driver of the virtual chip: its stale words, and its own tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from startline.net import StepFailed
from startline.net.wifi import WifiLink

from startline_host.virtual.runtime.wifi_station import WifiStation
from tests.firmware.fake_chip import FakeChip

POINT = {"password": "bench-wifi", "delay_ms": 1500}
SCAN = 2400
PAUSE = 2000  # the longest between two joins of a boot

#: The access points that are there at a time in milliseconds.
Air = Callable[[int], dict[str, Any]]


class Radio:
    """The station interface as the port has it; the time is the chip's."""

    def __init__(self, chip: FakeChip, air: Air) -> None:
        self._chip = chip
        self._air = air
        self.station = WifiStation(self, chip.ms)
        self.scans_cut = 0

    # What is around the station.

    def access_points(self) -> dict[bytes, Any]:
        """Return the access points in reach, by their names' bytes."""
        return {name.encode(): point for name, point in self._air(self._chip.ms()).items()}

    def link_is_down(self) -> bool:
        """Tell that nothing is jammed."""
        return False

    # The interface.

    def active(self, on: bool) -> None:
        """Switch on."""
        self.station.active = on

    def config(self, reconnects: int) -> None:
        """Take how often the driver tries again."""
        self.station.reconnects = reconnects

    def connect(self, ssid: str, key: str) -> None:
        """Join. Raises OSError while the driver is busy with another join."""
        if self.station.is_busy():
            raise OSError("Wifi Internal State Error")
        self.station.join(ssid.encode(), key.encode())

    def disconnect(self) -> None:
        """Leave."""
        self.scans_cut += self.station.is_busy() and not self.station.is_associated()
        self.station.leave()

    def isconnected(self) -> bool:
        """Tell whether there is an address."""
        return self.station.is_connected()

    def status(self, what: str = "") -> int:
        """Return the status, or the signal. Raises OSError where there is none."""
        if what and not self.station.is_associated():
            raise OSError("Wifi Not Connected")
        return -40 if what else self.station.status()


class Venue:
    """A reader with its link; `stale` is what the driver still says of an earlier join."""

    def __init__(self, air: Air, stale: int = 0) -> None:
        self.chip = FakeChip({}, {})
        self.radio = Radio(self.chip, air)
        self.radio.station._reason = stale
        self.chip.wlan = lambda: self.radio  # type: ignore[method-assign, assignment, return-value]
        self.texts = {"net.ssid": "bench", "net.password": "bench-wifi"}
        self.link = WifiLink(self.chip, self)
        self.reasons: list[str] = []

    def text(self, name: str) -> str:
        """Return a setting."""
        return self.texts[name]

    def boot(self, limit: int) -> int | None:
        """Try to join, as a boot does, until `limit`; return when that was, None if never."""
        start = self.chip.ms()
        while (left := limit - self.chip.since(start)) > 0:
            try:
                self.link.up(left)
            except StepFailed as failed:
                self.reasons.append(failed.args[1])
                self.chip.sleep(PAUSE)
            else:
                return self.chip.since(start)
        return None


def late(ms: int) -> Air:
    """Return an air into which the access point comes after a time."""
    return lambda now: {"bench": POINT} if now >= ms else {}


@pytest.mark.parametrize("stale", [0, 8, 15, 200, 201, 202])
@pytest.mark.parametrize("ms", [0, 1, 1000, 2000, 2399, 2401, 4000, 5000, 7300, 9000, 30_000])
def test_a_network_that_comes_late_is_joined(ms: int, stale: int) -> None:
    """Whatever the last join left behind, a network is joined soon after it is on the air."""
    venue = Venue(late(ms), stale)
    joined = venue.boot(60_000)
    assert joined is not None
    assert joined <= ms + SCAN + PAUSE + 2500
    assert venue.radio.scans_cut == 0


def test_a_network_that_is_two_seconds_late_is_joined_in_the_shortest_boot() -> None:
    """Six seconds, the lowest limit for a boot, are enough for it."""
    assert Venue(late(2000), 201).boot(6000) is not None


@pytest.mark.parametrize("stale", [0, 15, 201, 202])
def test_a_network_that_is_not_there(stale: int) -> None:
    """A join that comes to nothing says what it came to, and not what the one before did."""
    venue = Venue(lambda _: {}, stale)
    assert venue.boot(40_000) is None
    assert set(venue.reasons) == {"no_such_network"}
    assert len(venue.reasons) == 4
    assert venue.radio.scans_cut == 0


@pytest.mark.parametrize("stale", [0, 15, 201, 202])
def test_a_wrong_password(stale: int) -> None:
    """A network that refuses the password is named so, also behind one that was not there."""
    venue = Venue(lambda _: {"bench": {"password": "another-one"}}, stale)
    assert venue.boot(40_000) is None
    assert set(venue.reasons) == {"wrong_password"}


def test_a_password_that_was_mended() -> None:
    """The refusal of the old password is not taken for one of the new."""
    venue = Venue(lambda _: {"bench": {"password": "another-one"}})
    assert venue.boot(9000) is None
    venue.texts["net.password"] = "another-one"
    joined = venue.boot(9000)
    assert joined is not None
    assert joined < 1000


def test_a_network_that_goes_and_comes_back() -> None:
    """A link that was lost is joined anew when its network is back."""
    venue = Venue(lambda now: {} if 10_000 <= now < 30_000 else {"bench": POINT})
    assert venue.boot(5000) is not None
    venue.chip.sleep(12_000)
    joined = venue.boot(60_000)
    assert joined is not None
    assert venue.chip.ms() <= 30_000 + SCAN + PAUSE + 2500
    assert venue.radio.scans_cut == 0


def test_a_network_that_gives_no_address() -> None:
    """A signal without an address is named so, and joined anew: the next join may get one."""
    fault = {"bench": {**POINT, "fault": "no_address"}}
    venue = Venue(lambda now: fault if now < 30_000 else {"bench": POINT})
    joined = venue.boot(60_000)
    assert joined is not None
    assert venue.reasons == ["no_address"] * len(venue.reasons) != []


def test_a_join_of_somebody_elses_is_not_cut_short() -> None:
    """While the driver is busy with another join its refusal is no failure, and ours is next."""
    venue = Venue(late(0))
    venue.radio.config(reconnects=5)
    venue.radio.connect("elsewhere", "")
    joined = venue.boot(60_000)
    assert joined is not None
    assert venue.radio.station.ssid == b"bench"
    assert venue.radio.scans_cut == 0


@pytest.mark.parametrize("error", [OSError("Wifi Not Started"), RuntimeError(), MemoryError()])
def test_a_radio_that_does_not_start(error: Exception) -> None:
    """A radio that cannot be switched on, or has no memory, is a failure of the link."""
    venue = Venue(late(0))

    def fail(_on: bool) -> None:
        raise error

    venue.radio.active = fail  # type: ignore[method-assign,assignment] # nor does it take the name
    assert venue.boot(1000) is None
    assert venue.reasons == ["no_radio"]


def test_leaving_what_was_never_joined() -> None:
    """To leave before any join, or with the radio off, is nothing."""
    Venue(late(0)).link.down()

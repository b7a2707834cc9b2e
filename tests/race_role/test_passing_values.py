"""What a passing may say: every value is kept as it was, and every limit is at its place."""

from __future__ import annotations

import string
from struct import unpack_from
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_mock import MockerFixture
from startline_race.journal_format import MARKER
from startline_race.passing_format import Passing, pack_passing

from tests.firmware.harness import NOW
from tests.race_role.paper_cloud import EPC, MakeRace, PaperChip, PaperRace

LATEST_MS = 4_102_444_800_000
_texts = st.text(string.printable[:95] + "äéß漢", max_size=20)
_hex = st.binary(max_size=15).map(lambda raw: raw.hex().upper())
_chips = st.one_of(_hex, st.text(string.hexdigits + "gz-", max_size=31))


def byte(least: int, most: int) -> st.SearchStrategy[int | None]:
    """Draw a number, or none."""
    return st.none() | st.integers(least, most)


_PASSINGS = st.fixed_dictionaries(
    {"chip": _chips, "bib": _texts},
    optional={
        "antenna": byte(0, 255),
        "rssi": byte(-128, 127),
        "hits": byte(0, 255),
        "status": _texts,
        "utc": byte(946_684_800_000, LATEST_MS - 1),
    },
)
_PLACES = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@settings(max_examples=25)
@given(st.lists(st.tuples(_PASSINGS, _PLACES), min_size=1, max_size=8))
def test_a_passing_is_what_it_was(seen: list[tuple[dict[str, Any], Any]]) -> None:
    """Each comes back with all that it was given, and with nothing that it was not."""
    race = PaperRace()
    for about, place in seen:
        fields = dict(about)
        if place:
            fields["latitude"], fields["longitude"] = place
        if not about["chip"] and not about["bib"]:
            fields["bib"] = "1"
            about["bib"] = "1"
        race.chip.sleep(7)
        race.race.passing(**fields)
    for number, (one, (about, place)) in enumerate(zip(race.stored(), seen, strict=True), 1):
        assert (one.number, one.session, one.chip, one.bib) == (
            number,
            1,
            about["chip"],
            about["bib"],
        )
        assert (one.status, one.utc_ms) == (about.get("status", ""), about.get("utc"))
        read = [about.get(name) for name in ("antenna", "rssi", "hits")]
        if any(value is not None for value in read):  # they go together, 0 for what is not known
            read = [value or 0 for value in read]
        assert [one.antenna, one.rssi, one.hits] == read
        if place:
            assert one.latitude == pytest.approx(place[0], abs=1e-7)
            assert one.longitude == pytest.approx(place[1], abs=1e-7)
        else:
            assert one.latitude is one.longitude is None
        assert one.time_us == 1_000_000 + number * 7000 - 1_000_000 + one_us(race)


def one_us(race: PaperRace) -> int:
    """Return what the clock of the boot began with."""
    return int(race.race.uptime.now() - race.chip.now_us) + 1_000_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("2026-12-31T23:59:59.999Z", 1_798_761_599_999),
        ("2000-01-01T00:00:00.000Z", 946_684_800_000),
        ("2099-12-31T23:59:59.999Z", LATEST_MS - 1),
        ("2028-02-29T12:30:15.5Z", 1_835_440_215_500),
        ("2028-02-29T12:30:15.123456Z", 1_835_440_215_123),
    ],
)
def test_a_time_of_the_modules_own(text: str, ms: int) -> None:
    """Text and Unix milliseconds are the same time."""
    race = PaperRace()
    race.race.passing("7F", utc=text)
    race.race.passing("7F", utc=ms)
    assert [one.utc_ms for one in race.stored()] == [ms, ms]


@pytest.mark.parametrize(
    "text",
    [
        "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01",
        "1999-12-31T23:59:59.999Z", "2100-01-01T00:00:00Z", "2026-01-01 00:00:00Z",
        "2026-02-31T10:00:00Z", "2027-02-29T10:00:00Z", "2026-01-01T10:99:00Z",
        "2026-01-01T10:00:99Z", "2026-01-01T10:00:60Z", "2026-01-01T10:-5:00Z",
        "2026-01-01T10:00:-5Z", "2026-01-01T10:00:00.-5Z", "2026-01-01T-1:00:00Z",
        "2026-01-01T1_0:00:00Z", "2026-01-01T 9:00:00Z", "2026-01-01T10:00:00.1_2Z",
        "2026-01-01T10:00:00. 1Z", "2026-01-01T10:00:00.Z", "2026-1-1T10:00:00Z",
        "+2026-01-01T10:00:00Z", "2026-01-01T10:00:00ZZ", "", "Z", 1_795_860_000_000.0, True,
    ],
)  # fmt: skip
def test_a_time_that_is_none(text: Any) -> None:
    """It is refused, and nothing is stored."""
    race = PaperRace()
    with pytest.raises(ValueError, match="2000 to 2099"):
        race.race.passing("7F", utc=text)
    assert race.stored() == []


@pytest.mark.parametrize(
    ("least", "most", "name"),
    [(0, 255, "antenna"), (-128, 127, "rssi"), (0, 1 << 30, "hits")],
)
def test_the_limits_of_a_number(least: int, most: int, name: str) -> None:
    """Both ends are taken, and what lies behind them is not."""
    race = PaperRace()
    for value in (least, most):
        race.race.passing("7F", **{name: value})
    odd: list[Any] = [least - 1, most + 1, True, 1.0, "1"]
    for value in odd:
        with pytest.raises(ValueError, match=f"from {least} to {most}"):
            race.race.passing("7F", **{name: value})
    assert [getattr(one, name) for one in race.stored()] == [least, min(most, 255)]


def test_the_limits_of_texts_and_places() -> None:
    """Thirty-one bytes of a chip, sixty of a bib, a status or an alias; a place on this earth."""
    race = PaperRace()
    race.race.open("x" * 60)
    full = {"bib": "b" * 60, "status": "s" * 60, "latitude": 90, "longitude": -180}
    race.race.passing("c" * 31, **full, utc=NOW * 1000, antenna=1)
    (one,) = race.stored()
    assert (one.chip, one.bib, one.status) == ("c" * 31, "b" * 60, "s" * 60)
    assert (one.latitude, one.longitude) == (90.0, -180.0)
    for chip, more in (
        ("c" * 32, {}), ("7F", {"bib": "b" * 61}), ("7F", {"status": "s" * 61}),
        ("7F", {"latitude": 90.1, "longitude": 0}), ("7F", {"latitude": 0, "longitude": 180.1}),
        ("7F", {"latitude": -90.1, "longitude": 0}), ("7F", {"latitude": 0, "longitude": -180.1}),
        ("7F", {"latitude": 1}), ("7F", {"longitude": 1}), ("7F\x1f", {}), ("7F\x9f", {}),
        ("7F", {"bib": 0}), ("7F", {"bib": False}), ("7F", {"bib": b""}), ("7F", {"status": []}),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="has to"):
            race.race.passing(chip, **more)
    race.race.passing("7F\xa0~ ")
    assert len(race.stored()) == 2


@pytest.mark.parametrize(
    "more", [{}, {"antenna": 3}, {"bib": "8" * 17}, {"bib": "8", "rssi": -1, "hits": 2}]
)
def test_which_passings_need_a_clock(make: MakeRace, more: dict[str, Any]) -> None:
    """What a module has dated goes out without any time of this reader's; the rest waits for one."""

    def begin() -> PaperRace:
        race = make(0)
        race.race.keeper.points.clear()
        race.chip.unix = lambda: NOW
        race.race.passing(EPC % 1, utc=NOW * 1000 + 5, **more)
        return race

    dated = begin()
    dated.send(lambda: len(dated.rows) == 1)
    assert dated.race.state["clock"] == "none"
    race = begin()
    race.race.passing("17", utc=NOW * 1000 + 6, **more)
    race.race.passing(EPC % 2, **more)
    race.send(lambda: race.sender.reason == "no_time")
    assert race.rows == []
    race.race.set_time(NOW * 1000 + 10, 2)
    race.send(lambda: len(race.rows) == 3)
    sent = race.posts()[0]["passings_list"]
    assert [one["timestamp"][-4:] for one in sent[:2]] == ["005Z", "006Z"]


def test_markers() -> None:
    """A moment and its words, now or a little ago, with no number; a restart has them, too."""
    race = PaperRace()
    race.chip.sleep(5000)
    race.race.marker("gun")
    race.race.marker(at=race.chip.ms() - 1500)
    with pytest.raises(ValueError, match="the marker has to"):
        race.race.marker("g\nun")
    now = race.race.uptime.now()
    found = PaperRace.after(race).entries(MARKER)
    told = [(*unpack_from("<HIH", raw), raw[8:]) for raw in found]
    assert told == [(1, now, 0, b"gun"), (1, now - 1_500_000, 0, b"")]
    assert race.race.state["stored"] == 0


def test_when_a_sighting_was() -> None:
    """Up to two seconds ahead it counts as now; what lies further off, or before this boot, is none."""
    race = PaperRace()
    race.chip.sleep(3000)
    chip, now = race.chip, race.race.uptime.now()
    for more, time_us in (
        ({}, now), ({"at": chip.ms()}, now), ({"at": chip.ms() - 3000}, now - 3_000_000),
        ({"at": chip.ms() + 2000}, now), ({"at_us": chip.us() - 7}, now - 7),
        ({"at_us": chip.us() + 2_000_000}, now),
    ):  # fmt: skip
        race.race.passing("7F", **more)
        assert race.stored()[-1].time_us == time_us, more
    for more in (
        {"at": chip.ms() + 2001}, {"at_us": chip.us() + 2_000_001},
        {"at": chip.ms() - now // 1000 - 1}, {"at_us": chip.us() - now - 1},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="the time of the passing lies"):
            race.race.passing("7F", **more)
    odd: list[Any] = [1.5, float("nan"), "x", b"1"]
    for value in odd:
        for place in ("at", "at_us"):
            with pytest.raises(ValueError, match="the time of a sighting has to be"):
                race.race.passing("7F", **{place: value})
        with pytest.raises(ValueError, match="the time of a sighting has to be"):
            race.race.marker("gun", at=value)


def test_a_counter_with_more_bits(mocker: MockerFixture) -> None:
    """Of a counter that wraps later than a chip's, the bits that a chip has are what counts."""
    mocker.patch.object(PaperChip, "ms", lambda chip: chip.now_us // 1000 + (5 << 30))
    race = PaperRace()
    race.chip.sleep(2000)
    race.race.passing("7F", at=race.chip.ms() - 500)
    assert [one.time_us for one in race.stored()] == [2_500_000]


@pytest.mark.parametrize(("off", "bridged"), [(-3590, 1), (3590, 1), (-3700, 0), (3700, 0)])
def test_a_calendar_clock_tells_the_wraps(off: int, *, bridged: bool) -> None:
    """After a month without a call it does, as long as it is less than an hour off."""
    race = PaperRace()
    month = 31 * 86_400
    race.chip.sleep(month * 1000)
    true_us = race.chip.now_us
    race.chip.unix = lambda: NOW + true_us // 1_000_000 + off
    wraps = 0 if bridged else month * 1000 >> 30
    assert race.race.uptime.now() == true_us - (wraps << 30) * 1000


def test_what_passings_are_packed_in_never_grows() -> None:
    """However much they say, a race needs no more memory for the next one."""
    passing: Any = Passing()
    buffer = bytearray(240)
    passing.chip = passing.bib = passing.status = "7F"
    passing.latitude = passing.longitude = passing.utc_ms = 1
    packed = [bytes(pack_passing(passing, buffer)) for _ in range(3)]
    assert packed == [packed[0]] * 3
    assert len(buffer) == 240

"""The rules of a look, one by one: dates, marks, pages, and what speaks against a clear answer."""

from __future__ import annotations

from calendar import timegm
from datetime import UTC, datetime, timedelta

import pytest
from startline.clouds import rufus
from startline.net.clock import of_entry, same_time, unix
from startline.net.device_list import DeviceSearch, ListPages, first_request, marks

_DAY = 86400
FIRST = 1_800_000_000
TOKEN, ANOTHER = "A" * 64, "B" * 64
OURS = "sl.9f3c2a7b"


def test_every_day_has_its_number() -> None:
    """From 2010 to 2120, leap days and all, a date's Unix time is what Python makes of it."""
    day = datetime(2010, 1, 1, 1, 2, 3, tzinfo=UTC)
    while day.year < 2120:
        assert unix(*day.timetuple()[:6]) == timegm(day.timetuple())
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2026-11-18T09:30:00.000Z", 9.5),
        ("2026-11-18 09:30:00Z", 9.5),
        ("2026-11-18T09:30:59Z", 9.5 + 59 / 3600),
        ("2026-11-18T09:30:00", 9.5 + 14),
        ("2026-11-18T09:30:00+02:00", 9.5 + 14),
        ("2026-11-18", 24 + 14),
    ],
)
def test_the_latest_that_a_date_may_mean(text: str, hours: float) -> None:
    """A time without a zone is that of any, and a day may have been its end."""
    assert of_entry(text) == timegm((2026, 11, 18, 0, 0, 0)) + round(hours * 3600)


@pytest.mark.parametrize(
    "text",
    [None, "", "soon", "2026", "2026-1-18", "2026/11/18", "18.11.2026", "2026-11-18T", "2026-11-",
     "2026-11-18Tx", "0001-01-01T00:00:00Z", "2009-12-31T23:59:59Z", b"2026-11-18", 1795000000],
)  # fmt: skip
def test_what_is_no_date(text: str | None) -> None:
    """Another form, and what stands for none, tell nothing; nor do days before 2010."""
    assert of_entry(text) == 0
    assert of_entry("2010-01-01T00:00:00Z") == timegm((2010, 1, 1, 0, 0, 0))


@pytest.mark.parametrize(
    ("ahead", "same"), [(0, True), (3599, True), (-3599, True), (3600, False), (-3600, False)]
)
def test_a_cloud_s_clock(ahead: int, same: bool) -> None:
    """Within an hour it is ours; a cloud that tells no time is believed, one that tells none is not."""
    now = timegm((2026, 11, 18, 9, 30, 0)) + ahead
    assert same_time(now, b"wed, 18 nov 2026 09:30:00 gmt") is same
    assert same_time(now, b"")
    assert not same_time(now, b"noon")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1.4.0+sl.9f3c2a7b", [OURS]),
        ("1.4.0+SL.9F3C2A7B", [OURS]),
        ("sl.9f3c2a7b.x sl.01234567", [OURS, "sl.01234567"]),
        ("sl.9f3c2a7", []),
        ("sl.9f3c2a7z", []),
        ("sl.zf3c2a7b", []),
        ("sl.9f3c2a7b0", []),
        ("sl.9f3c2a7bf", []),
        ("sl.9f3c2a7bg", [OURS]),
        ("9f3c2a7b", []),
        ("", []),
        (None, []),
        (b"sl.9f3c2a7b", []),
    ],
)
def test_the_marks_in_a_text(text: str | None, found: list[str]) -> None:
    """A mark has eight hex digits, no fewer and no more."""
    assert marks(text) == found


def test_pages_of_a_list_with_a_total() -> None:
    """All that the cloud says it has were read, or it is no whole list."""
    pages = ListPages()
    assert pages.more(["a", "b"], 2, 3)
    assert pages.more(["c"], 1, 3)
    assert not pages.more([], 0, 3)
    for seen in (2, 4):
        short = ListPages()
        assert short.more(["a", "b"], seen, 3)
        with pytest.raises(ValueError, match="list_incomplete"):
            short.more([], 0, 3)


def test_pages_of_a_list_without_a_total() -> None:
    """It ends with an empty page, or where it repeats itself."""
    for last in ([], ["c", "d"]):
        pages = ListPages()
        assert pages.more(["a", "b"], 2, -1)
        assert pages.more(["c", "d"], 2, -1)
        assert not pages.more(last, len(last), -1)
    nothing = ListPages()
    assert not nothing.more([], 0, -1)
    assert not ListPages().more([], 0, 0)


def test_a_list_that_changes_while_it_is_read() -> None:
    """Another total, or a page that begins with the last entry of the one before, is a change."""
    for ends, total in ((["c", "d"], 5), (["b", "c"], 4)):
        pages = ListPages()
        assert pages.more(["a", "b"], 2, 4)
        with pytest.raises(ValueError, match="list_changed"):
            pages.more(ends, 2, total)


def entry(**fields: object) -> dict[bytes, object]:
    """Return an entry as it is found in the list: a stranger's, but for what is said."""
    named = {"deviceid": ANOTHER, "firmware": "1.0", "serial_number": "OTHER", **fields}
    return {name.encode(): value for name, value in named.items()}


def search(*entries: dict[bytes, object], first: int = FIRST) -> DeviceSearch:
    """Look through entries for the device K7."""
    found = DeviceSearch(rufus, "K7", OURS, first)
    for one in entries:
        found.entry(one)
    return found


OUR_OWN = entry(deviceid=TOKEN, firmware=f"1+{OURS}", serial_number="K7")


@pytest.mark.parametrize(
    ("entries", "verdict", "where"),
    [
        ([], ("unbound", "", ""), (0, "")),
        ([entry()], ("unbound", "", ""), (0, "")),
        ([entry(), OUR_OWN], ("bound", TOKEN, ""), (0, "")),
        ([entry(), entry(serial_number="K7")], ("unknown", "", "serial_taken"), (2, ANOTHER)),
        ([entry(serial_number=None)], ("unknown", "", "unclear_entry"), (1, ANOTHER)),
        ([entry(serial_number=None), entry(serial_number="K7"), entry(serial_number=None)],
         ("unknown", "", "serial_taken"), (2, ANOTHER)),
        ([entry(serial_number="K7"), entry(serial_number="k7")],
         ("unknown", "", "serial_taken"), (1, ANOTHER)),
        ([entry(serial_number=None, firmware="sl.00000000")], ("unbound", "", ""), (0, "")),
        ([entry(serial_number="K7"), OUR_OWN], ("bound", TOKEN, ""), (1, ANOTHER)),
        ([OUR_OWN, OUR_OWN], ("bound", TOKEN, ""), (0, "")),
        ([OUR_OWN, {**OUR_OWN, b"deviceid": ANOTHER}], ("unknown", "", "doubled"), (2, ANOTHER)),
        ([OUR_OWN, {**OUR_OWN, b"deviceid": None}], ("unknown", "", "unfit_token"), (2, "")),
        ([{**OUR_OWN, b"deviceid": None}, OUR_OWN], ("unknown", "", "unfit_token"), (1, "")),
    ],
)  # fmt: skip
def test_what_entries_come_to(
    entries: list[dict[bytes, object]], verdict: tuple[str, ...], where: tuple[int, str]
) -> None:
    """Our own mark decides; what speaks against it is named by the number of its entry."""
    found = search(*entries)
    assert found.verdict() == verdict
    assert found.where == where


def test_an_entry_s_age() -> None:
    """What cannot be compared is another's if it was made a day before our first request."""
    for seconds, reason in ((-1, ""), (0, ""), (1, "unclear_entry"), (_DAY, "unclear_entry")):
        made = datetime.fromtimestamp(FIRST - _DAY + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        old = entry(serial_number=None, creation_date=made)
        found = search(entry(), old, old)
        assert found.verdict()[2] == reason
        assert found.aged == (None if reason else (2, ANOTHER))
        assert search(old, first=0).verdict()[2] == "unclear_entry"
    assert search(entry(serial_number=None, creation_date="0")).verdict()[2] == "unclear_entry"


def test_when_our_first_request_was_at_the_earliest() -> None:
    """Not before the device was made, nor 30 s before the deadline of a request that is known."""
    assert first_request(FIRST, 0) == FIRST
    assert first_request(FIRST, FIRST + 31) == FIRST
    assert first_request(FIRST, FIRST + 29) == FIRST - 1

"""The report and the figures that it shows."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from startline_host.factory.batch import UnitBatch
from startline_host.factory.batch_report import batch_report_page
from startline_host.factory.entries import LOAD, VERIFY, HistoryEntry, StationSlot
from startline_host.factory.statistics import Statistics, make_statistics
from startline_host.factory.verify import compare_with_cloud, record_verdict
from startline_host.formats.units import Unit
from tests.factory.made import mac, make_batch, token

if TYPE_CHECKING:
    from startline_host.factory.ledger import Ledger

EVIL = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Reads a page: its texts, tags, and whether every tag was closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag without an inside."""
        del attrs
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag: it must be the one that is open."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take a text."""
        self.texts.append(data)


def worked(ledger: Ledger) -> None:
    """Make a small history: passes, a failure that mended, one that did not, a nameless one."""
    ledger.add_batch(make_batch(6))
    for chip in range(1, 5):
        place = StationSlot("bench" if chip % 2 else "other", str(chip))
        unit = ledger.allot("spring", place, mac(chip))
        assert unit is not None
        if chip == 2:
            ledger.fail(unit, "network", f"No Wi-Fi {EVIL}")
            unit = ledger.allot("spring", place, mac(chip))
            assert unit is not None
        unit = ledger.step(unit, LOAD, seconds=float(chip))
        if chip == 3:
            ledger.fail(ledger.sent(unit), "outcome unknown", "No answer.")
            continue
        unit = ledger.step(ledger.bound(unit, token(chip), seconds=2.0), VERIFY, seconds=0.5)
        ledger.pass_(unit)
    ledger.note(StationSlot("bench", "9"), "fail", batch="spring", reason="device silent")


def told(ledger: Ledger, batch: str | None = None) -> Statistics:
    """Return the figures of a ledger."""
    return make_statistics(ledger.entries(batch), ledger.records(batch))


def test_the_figures_are_right(ledger: Ledger) -> None:
    """Yield, first-time share, retries, failures, steps and stations come from the history."""
    worked(ledger)
    found = told(ledger, "spring")
    assert found.counts == {"free": 2, "work": 0, "deferred": 0, "passed": 3, "failed": 1}
    assert (found.yield_, found.first_time_share) == (0.75, 0.5)
    assert (found.total, found.retries, found.nameless) == (6, 1, 1)
    failures = [(one.reason, one.count, one.units, one.mended) for one in found.failures]
    assert failures == [
        ("device silent", 1, 0, 0), ("network", 1, 1, 1), ("outcome unknown", 1, 1, 0),
    ]  # fmt: skip
    steps = {one.step: (one.count, one.least, one.median, one.most) for one in found.steps}
    assert steps == {"load": (4, 1, 2.5, 4), "bind": (3, 2, 2, 2), "verify": (3, 0.5, 0.5, 0.5)}
    stations = [(one.name, one.slots, one.passed, one.failed) for one in found.stations]
    assert stations == [("bench", 3, 1, 2), ("other", 2, 2, 1)]
    assert [unit.serial for unit in found.open] == ["RR-000003"]


def test_an_empty_ledger_has_no_yield(ledger: Ledger) -> None:
    """Nothing made is no yield at all, rather than nought or all."""
    found = told(ledger)
    assert (found.yield_, found.first_time_share, found.total) == (None, None, 0)
    Page(batch_report_page("Nothing", found, [], made="now").decode())


@pytest.mark.parametrize(
    ("minutes", "length"), [(1, 1), (40, 1), (60, 5), (60 * 20, 60), (60 * 24 * 400, 7 * 24 * 120)]
)
def test_time_is_counted_in_few_periods(minutes: int, length: int) -> None:
    """However long a batch takes, its columns are few and hold every pass."""
    moments = [0, minutes * 30_000, minutes * 60_000]
    lines = [HistoryEntry(number=n, at_ms=at, kind="pass") for n, at in enumerate(moments)]
    found = make_statistics([], lines)
    assert found.period_ms <= length * 60_000
    assert 1 <= len(found.periods) <= 49
    assert sum(period.passed for period in found.periods) == 3


def test_the_page_needs_nothing_else(ledger: Ledger) -> None:
    """The report is one well-formed page without scripts or links, for any width and light."""
    worked(ledger)
    text = batch_report_page(
        "Batch <spring>", told(ledger), ledger.entries(), made="by a test"
    ).decode()
    page = Page(text)
    assert "script" not in page.tags
    assert page.links == []
    assert "http" not in text.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in text
    assert 'content="width=device-width' in text


def test_what_devices_said_stays_text(ledger: Ledger) -> None:
    """Words from outside are escaped, and tokens are shortened."""
    ledger.add_batch(UnitBatch("spring", (Unit(serial=EVIL, model="X1", alias=EVIL),)))
    unit = ledger.allot("spring", StationSlot(EVIL, "1"), mac(1))
    assert unit is not None
    ledger.pass_(ledger.bound(unit, "A1B2C3D4" * 8))
    text = batch_report_page(EVIL, told(ledger), ledger.entries(), made=EVIL).decode()
    assert EVIL not in text
    assert EVIL in Page(text).texts
    assert "A1B2C3D4…" in text
    assert "A1B2C3D4A1B2" not in text


def test_what_the_cloud_said_is_shown(ledger: Ledger) -> None:
    """The last comparison with the cloud and what it found stand in the report, older ones not."""
    worked(ledger)
    place = StationSlot("bench")
    record_verdict(ledger, compare_with_cloud(ledger.entries(), []), place)
    found = told(ledger, "spring")
    assert found.verdict is not None
    assert [line.reason for line in found.findings] == ["missing"] * 3
    assert "Differs" in Page(batch_report_page("R", found, [], made="now").decode()).texts

    class ReportedDevice:
        cloud = "rufus"

        def __init__(self, unit: str, held: str) -> None:
            self.serial_number, self.deviceid = unit, held

    listed = [ReportedDevice(unit.serial, unit.token) for unit in ledger.entries() if unit.token]
    record_verdict(ledger, compare_with_cloud(ledger.entries(), listed), place)
    assert told(ledger).findings == ()
    assert "Agrees" in Page(batch_report_page("R", told(ledger), [], made="now").decode()).texts


def test_a_share_below_all_never_reads_as_all() -> None:
    """9999 of 10000 is not shown as 100 %."""
    from startline_host.factory.batch_report import _percent

    assert (_percent(0.9999), _percent(1.0), _percent(None)) == ("99.9 %", "100 %", "none yet")

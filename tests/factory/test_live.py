"""What a line shows: a table on a terminal, lines in a log, objects for a program."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from startline_host.device.bootloader import TransferProgress
from startline_host.device.console import Event
from startline_host.factory.job import UnitIdentified, UnitResult
from startline_host.factory.line_views import JsonView, LiveView, PlainView, totals_line
from startline_host.factory.totals import WAITING, RunTotals
from startline_host.flows.notices import Remark, Step

EVIL = "\x1b[31m[bold]evil[/bold]"


def result(end: str, **more: object) -> UnitResult:
    """Return how work on a board ended."""
    return UnitResult(end=end, serial="RR-1", mac="24:6f:28:00:00:01", seconds=9.25, **more)  # type: ignore[arg-type]


def drawn(view: LiveView, totals: RunTotals, width: int = 100) -> str:
    """Draw a view as plain text."""
    console = Console(file=io.StringIO(), width=width)
    console.print(view.picture(totals))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_each_slot_has_its_line() -> None:
    """A slot shows its serial number, what happens, and how far it is; below stand the totals."""
    view, totals = LiveView(Console(file=io.StringIO()), ["left", "right"]), RunTotals()
    view.begun("left")
    view.notice("left", UnitIdentified("RR-1, chip 24:6f:28:00:00:01", serial="RR-1"))
    view.notice("left", Step("Writing the flash"))
    view.notice("left", TransferProgress("write", 50, 100))
    view.waiting("right", WAITING)
    text = drawn(view, totals)
    left, right = (line for line in text.splitlines() if line.startswith(("left", "right")))
    assert left.split()[:2] == ["left", "RR-1"]
    assert "Writing the flash" in left
    assert "━" in left
    assert WAITING in right
    assert "0 passed · 0 failed" in text
    view.notice("left", Event("ready", 9, 220, {"state": "bound"}))
    assert "ready: bound" in drawn(view, totals)


def test_how_a_board_ended_stays_until_the_next_one_comes() -> None:
    """A technician who looks up later still sees what became of the board in the slot."""
    view, totals = LiveView(Console(file=io.StringIO()), ["1"]), RunTotals()
    view.begun("1")
    failed = result("failed", reason="network", words="No Wi-Fi.")
    totals.add(failed)
    view.ended("1", failed, totals)
    view.waiting("1", WAITING)
    assert "RR-1 FAILED in 9.2 s: No Wi-Fi." in drawn(view, totals)
    view.waiting("1", "finishing")
    assert "finishing" in drawn(view, totals)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_words_from_outside_stay_words(width: int) -> None:
    """Neither a serial number nor an error can steer the terminal or break a slot's line."""
    view, totals = LiveView(Console(file=io.StringIO()), ["1"]), RunTotals()
    view.begun("1")
    view.notice("1", UnitIdentified(EVIL, serial=EVIL))
    view.notice("1", Remark(EVIL, warning=True))
    text = drawn(view, totals, width)
    assert "\x1b" not in text
    assert len([line for line in text.splitlines() if line.startswith("1 ")]) == 1
    view.ended("1", result("failed", words=EVIL), totals)
    assert "\x1b" not in drawn(view, totals, width)


def test_a_live_view_draws_on_a_terminal() -> None:
    """On a terminal the picture is drawn, and left standing at the end with the last result."""
    out = io.StringIO()
    with LiveView(Console(file=out, force_terminal=True, width=80), ["1"]) as view:
        view.begun("1")
        view.stopping("Finishing.")
        view.tick(RunTotals())
        view.tick(RunTotals())
        view.ended("1", result("passed"), RunTotals())
        assert "passed in" not in out.getvalue(), "it was drawn a moment ago"
    assert "looking at the board" in out.getvalue()
    assert "Finishing." in out.getvalue()
    assert "passed in 9.2 s" in out.getvalue()


def test_a_log_has_a_line_for_each_board() -> None:
    """Without a terminal only ends and warnings are said, one a line."""
    said: list[str] = []
    with PlainView(said.append) as view:
        totals = RunTotals()
        view.waiting("1", WAITING)
        view.begun("1")
        view.notice("1", Step("Reading the flash"))
        view.notice("1", Remark("Trying again.", warning=True))
        totals.add(result("passed"))
        view.ended("1", result("passed"), totals)
        view.tick(totals)
    assert said == [
        "slot 1: Trying again.", "slot 1: RR-1 passed in 9.2 s  (1 passed, 0 failed)",
    ]  # fmt: skip


def test_a_program_gets_objects() -> None:
    """With --json each board that ended is an object with all that is known of it."""
    said: list[str] = []
    with JsonView(said.append) as view:
        view.notice("1", Remark("Trying again.", warning=True))
        view.ended("1", result("failed", reason="network", words=EVIL), RunTotals())
    warning, unit = (json.loads(line) for line in said)
    assert warning["name"] == "warning"
    assert warning["fields"] == {"slot": "1", "text": "Trying again."}
    unit = unit["fields"]
    assert (unit["end"], unit["reason"], unit["words"]) == ("failed", "network", EVIL)


def test_totals_add_up() -> None:
    """Yield counts what passed and failed; boards seen before and deferred ones stand beside it."""
    totals = RunTotals()
    assert totals.yield_ is None
    for end in ("passed", "passed", "passed", "seen", "deferred"):
        totals.add(result(end))
    totals.add(result("failed", reason="network", exit_code=20))
    assert totals.yield_ == 0.75
    assert totals.reasons == {"network": 1}
    assert totals_line(totals).startswith(
        "3 passed · 1 failed · 1 passed before · 1 loaded, ships unbound · yield 75.0 %"
    )


@pytest.mark.parametrize(("width", "height", "slots"), [(80, 24, 40), (40, 12, 16), (34, 10, 12)])
def test_more_slots_than_rows_fit_the_terminal(width: int, height: int, slots: int) -> None:
    """The picture is never taller or wider than the terminal; slots at work come first."""
    console = Console(file=io.StringIO(), width=width, height=height)
    view, totals = LiveView(console, [f"usb:1-{n}" for n in range(slots)]), RunTotals()
    totals.whole, totals.made, totals.began = 200, 10, totals.began - 600
    last = f"usb:1-{slots - 1}"
    for n in range(6):
        totals.add(result("passed"))
        view.ended(f"usb:1-{n}", result("passed", words="x" * 90), totals)
    view.begun(last)
    view.notice(last, UnitIdentified("RR-" + "9" * 60, serial="RR-" + "9" * 60))
    view.stopping("Finishing.")
    console.print(view.picture(totals))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert any(line.startswith(last) for line in lines)
    assert any("more" in line for line in lines)


@pytest.mark.parametrize("stopping", ["", "Finishing the boards in hand."])
def test_a_ctrl_c_does_not_move_the_picture(stopping: str) -> None:
    """At any width the terminal has room for ^C behind the last line: it runs over into no other."""
    totals = RunTotals(whole=10)
    for width in range(24, 80):
        view = LiveView(Console(file=io.StringIO(), width=width), ["1"])
        if stopping:
            view.stopping(stopping)
        last = drawn(view, totals, width).splitlines()[-1]
        assert len(last.rstrip()) == len(last) <= width - 4, width


def test_how_far_a_batch_is_and_how_long_it_takes() -> None:
    """Made of all, the rate, and what is left at that rate."""
    totals = RunTotals(whole=200, made=80)
    assert totals_line(totals).startswith("80 of 200 made")
    totals.began -= 600
    for _ in range(10):
        totals.add(result("passed"))
    totals.see({"free": 110, "work": 0, "deferred": 0, "passed": 90, "failed": 0})
    said = totals_line(totals)
    assert "90 of 200 made" in said
    assert "60 an hour" in said
    assert "1 h 50 min left" in said


def test_units_of_other_stations_count_as_made() -> None:
    """A batch that two stations share is told as it stands in the ledger, and is done when it is."""
    totals = RunTotals(ends={"passed": 2})
    totals.see({"free": 1, "work": 1, "deferred": 0, "passed": 4, "failed": 0})
    assert totals_line(totals).startswith("4 of 6 made · 2 passed")
    totals.add(result("passed"))
    totals.see({"free": 0, "work": 0, "deferred": 0, "passed": 6, "failed": 0})
    assert totals_line(totals).startswith("6 of 6 made · 3 passed")
    assert totals.seconds_left is None


def test_a_unit_that_the_ledger_has_before_its_slot_ends_counts_once() -> None:
    """A slot writes "passed" a moment before it ends; another one looks at the batch in between."""
    totals = RunTotals()
    totals.see({"free": 0, "work": 1, "deferred": 0, "passed": 1, "failed": 0})
    totals.add(result("passed"))
    totals.add(result("passed"))
    totals.see({"free": 0, "work": 0, "deferred": 0, "passed": 2, "failed": 0})
    assert totals_line(totals).startswith("2 of 2 made · 2 passed")

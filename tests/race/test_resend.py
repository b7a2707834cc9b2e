"""`startline race resend`: what a reader set aside goes out once more, by number or by time."""

from __future__ import annotations

from typing import Any

import pytest
from startline_race.journal_format import CLOSED, OPEN, Session

from startline_host.bench.station import BenchDevice, BenchStation
from startline_host.errors import BadInput
from startline_host.mock_cloud import MockCloud
from startline_host.race.resend_passings import ResendRange, plan_resend
from startline_host.race.stored_race import JournalPassing, PassingState, StoredRace
from startline_host.virtual.uhf_module import UhfModule
from tests.examples.test_reader_app import EPC, press, race_is
from tests.race.conftest import Run, result

pytestmark = pytest.mark.startline(
    app="../../examples/reader_app", given={"run_key": "same", "dead_time": 1500}
)


def test_what_was_set_aside_is_sent_again(
    run: Run, reader: BenchDevice, startline_station: BenchStation, startline_cloud: MockCloud
) -> None:
    """Only what is set aside, in the range, goes out; all else is one sentence and changes nothing."""
    with UhfModule(reader.uart_url) as module:
        assert module.wait_until_started(10)
        race_is(reader, clock="ntp")
        press(startline_station, reader)
        race_is(reader, sending="open")
        module.see(EPC.format(1))
        race_is(reader, sent=1)
        startline_cloud.faults.turn_on("status:400@POST@/v0/passings")
        for number in range(2, 6):
            module.see(EPC.format(number))
        race_is(reader, aside=4, waiting=0)
        startline_cloud.faults.clear()
        with reader.reader.detached():
            resend = ("resend", "-p", reader.url, "--interrupt")
            code, _, err = run(*resend, "--from", 1, "--to", 1)
            assert code == 60
            assert "None of 1 passing is set aside" in err
            code, _, err = run(*resend, "--from", 9)
            assert code == 60
            assert "There is no passing 9." in err
            assert "passings 1 to 5" in err
            told = result(run(*resend, "--from", 1, "--to", 3, "--json"))
            assert (told["count"], told["aside"]) == (2, 2)
            assert [(one["first"], one["last"]) for one in told["rows"]] == [(2, 3)]
            startline_cloud.faults.turn_on("status:400x1@POST@/v0/passings")
            code, _, err = run(*resend)
            assert code == 30
            assert "stay set aside" in err
            listed = result(run("list", "-p", reader.url, "--interrupt", "--json"))["passings"]
            when = listed[3]["utc"]
            # A reader that was just reset has no time yet: it asks before it judges certificates.
            told = result(run(*resend[:-1], "--hard", "--from", when, "--json"))
            assert (told["count"], told["aside"]) == (2, 0)
    found = startline_cloud.store.rows("SELECT num_passing FROM passings ORDER BY num_passing")
    assert [one["num_passing"] for one in found] == [1, 2, 3, 4, 5]


def journal(*passings: tuple[int, int, int | None, PassingState], state: int = OPEN) -> StoredRace:
    """Make a journal of (boot, session, Unix ms, state) a passing, as it was read."""
    flat: dict[str, Any] = {"alias": "10 km", "chip": "AA", "bib": "", "utc": "", "clock": "", "error_ms": None,
            "frozen": True, "antenna": None, "rssi": None, "hits": None, "latitude": None,
            "longitude": None, "status": ""}  # fmt: skip
    opened = Session()
    opened.ordinal, opened.state = 1, state
    return StoredRace(
        passings=[
            JournalPassing(
                number=at, num_passing=at, boot=boot, session=session, utc_ms=utc, state=kind, **flat
            )
            for at, (boot, session, utc, kind) in enumerate(passings, 1)
        ],
        sessions=[opened], damage=[], first=1, before=len(passings) + 1,
        cursor=len(passings) + 1, full=0, owner=b"", others=0,
    )  # fmt: skip


def test_a_plan_has_one_stretch_for_each_command() -> None:
    """Neighbours of one boot go together; an undated boot needs its beginning, and goes alone."""
    race = journal(
        (1, 1, 5, "aside"), (1, 1, 6, "aside"), (2, 1, 7, "aside"), (2, 1, 8, "sent"),
        (2, 1, 9, "aside"), (3, 1, None, "aside"), (3, 1, None, "aside"), (4, 1, None, "aside"),
    )  # fmt: skip

    def plan(begin: str = "", end: str = "", began: str = "") -> object:
        stretches, began_ms = plan_resend(
            race, ResendRange(begin=begin, end=end, boot_began=began)
        )
        return [(one.first, one.last, one.undated) for one in stretches], began_ms

    assert plan(end="5") == ([(1, 2, False), (3, 3, False), (5, 5, False)], 0)
    with pytest.raises(BadInput, match="passings 6 to 7, 8 are from a boot"):
        plan()
    with pytest.raises(BadInput, match="2 boots that never knew the time"):
        plan(began="2026-11-21T09:00:00")
    with pytest.raises(BadInput, match="'noon' is no time"):
        plan("6", "7", "noon")
    began = plan("6", "7", "2026-11-21T09:00:00")
    assert began == ([(6, 7, True)], 1_795_251_600_000)
    with pytest.raises(BadInput, match="not open at the cloud: 10 km"):
        plan_resend(journal((1, 1, 5, "aside"), state=CLOSED), ResendRange())

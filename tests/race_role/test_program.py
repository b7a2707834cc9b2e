"""The race beside the reader's program: what it is told, and when the sender has its turn."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
import startline_race
from pytest_mock import MockerFixture
from startline_race.errors import JournalFull

from tests.race_role.paper_cloud import MakeRace, PaperRace


def test_warnings_of_a_journal_that_fills(make: MakeRace, mocker: MockerFixture) -> None:
    """At 80 and at 95 percent, each once, also on the LED; with room again, the LED is as it was."""
    race = make(0)
    led = mocker.patch.object(race.device, "update_led")
    fills = []

    def store() -> None:
        for _ in range(10_000):
            race.pass_by(1)
            race.race.look_after()
            fills.append(race.race.state["full"])

    with pytest.raises(JournalFull, match="nothing was stored"):
        store()
    warned = [one["what"] for one in race.events("race_warning")]
    assert warned == ["journal_80_percent"]
    assert [one.args for one in led.call_args_list] == [("unknown",)]
    assert fills == sorted(fills)
    led.reset_mock()
    race.send(lambda: race.race.state["waiting"] == 0)
    for _ in range(40):
        race.race.look_after()
        race.pass_by(5)
    assert led.call_args_list[-1].args == ("bound",)
    assert race.race.state["full"] < 80


def test_the_state_is_told_when_it_changes(make: MakeRace) -> None:
    """At most once a second, and not for an error that grows by itself."""
    race = make(0)
    race.race.look_after()
    assert len(race.events("race")) == 1
    assert race.events("race")[0] == race.race.state
    race.pass_by(1)
    race.chip.sleep(899)
    race.race.look_after()
    assert len(race.events("race")) == 1
    race.chip.sleep(1)
    race.race.look_after()
    assert [one["stored"] for one in race.events("race")] == [0, 1]
    error_ms = race.race.state["error_ms"]
    race.chip.sleep(100_000)
    race.race.look_after()
    assert race.race.state["error_ms"] > error_ms
    assert len(race.events("race")) == 2


def to_rest(race: PaperRace) -> int:
    """Have the sender look that there is nothing to do; return after how long it will again."""
    race.send(lambda: race.sender.reason == "idle")
    wait = 0
    while not wait:
        wait = race.sender.tick()
    return wait


def test_who_helps_decides_how_soon_it_is_called(make: MakeRace) -> None:
    """What stands beside the sender is asked each time, and the earliest of all decides."""
    race = make(0)
    assert to_rest(race) == 200
    waits = iter((50, 170, 500))
    race.race.helpers = (
        SimpleNamespace(tick=lambda: next(waits)),
        SimpleNamespace(tick=lambda: 90),
    )
    assert [race.sender.tick() for _ in range(3)] == [50, 90, 90]
    race.race.helpers = ()
    race.chip.sleep(190)
    assert race.sender.tick() == 10


def test_how_long_a_call_of_send_may_take(make: MakeRace, mocker: MockerFixture) -> None:
    """It comes back at every wait, and otherwise after the time that it was given."""
    race = make(0)
    tick = mocker.patch.object(race.sender, "tick", side_effect=lambda: race.chip.sleep(5) or 0)
    race.race.send(20)
    assert tick.call_count == 4
    race.race.send()
    assert tick.call_count == 8
    tick.side_effect = [7]
    race.race.send(20)


def test_sending_as_a_task(make: MakeRace, mocker: MockerFixture) -> None:
    """It gives the loop back for as long as nothing is due."""
    race = make(0)
    mocker.patch.object(race.sender, "tick", side_effect=[0, 5, 200, KeyboardInterrupt])
    slept = []

    async def sleep_ms(ms: int) -> None:
        slept.append(ms)

    mocker.patch("asyncio.sleep_ms", sleep_ms, create=True)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(race.race.run())
    assert slept == [0, 5, 200]


def test_the_program_wakes_the_sender(make: MakeRace) -> None:
    """Opening, closing and a time are not slept through."""
    race = make(1)
    race.race.close()
    race.send()
    assert to_rest(race) == 200
    asked = len(race.asked)
    race.race.open("half")
    for _ in range(12):
        race.sender.tick()
    assert len(race.asked) > asked
    to_rest(race)
    asked = len(race.asked)
    race.race.close()
    for _ in range(12):
        race.sender.tick()
    assert len(race.asked) > asked


def test_one_session_at_a_time(make: MakeRace) -> None:
    """A second in the same boot is refused, whatever its name; after a restart the name decides."""
    race = make(0)
    for name in ("10 km", "half"):
        with pytest.raises(ValueError, match="close it first"):
            race.race.open(name)
    again = PaperRace.after(race)
    again.race.open("10 km")
    with pytest.raises(ValueError, match="close it first"):
        again.race.open("10 km")
    assert again.race.progress.next_ordinal() == 1
    again = PaperRace.after(again)
    again.race.open("half")
    assert (again.race.state["session"], again.race.progress.next_ordinal()) == ("half", 2)
    with pytest.raises(ValueError, match="close it first"):
        again.race.open("half")


def test_whether_a_session_is_open(make: MakeRace) -> None:
    """It is told without a race, and nothing is written for it."""
    race = make(2)
    before = bytes(race.parts["race"].data)
    assert startline_race.is_open(race.device)
    race.race.close()
    assert not startline_race.is_open(race.device)
    del race.parts["race"]
    assert not startline_race.is_open(race.device)
    blank = PaperRace()
    blank.parts["race"].data[:] = before
    assert startline_race.is_open(blank.device)
    assert bytes(blank.parts["race"].data) == before


def test_the_race_that_runs(make: MakeRace, mocker: MockerFixture) -> None:
    """It can be found by whoever comes to the prompt, with those that help it."""
    race = make(0)
    assert startline_race.races == [race.race]
    role = SimpleNamespace(start=lambda race: SimpleNamespace(race=race, tick=lambda: 200))
    mocker.patch.dict("sys.modules", startline_console=role)
    load = mocker.patch("startline.roles.load_role", return_value=role)
    race.device.identity.values.update({"race.port": 3601})
    again = startline_race.start(race.device)
    assert startline_race.races == [again]
    assert [one.race for one in again.helpers] == [again] * 2
    load.assert_called_once_with(race.device, "startline_liveport")
    load.return_value = None
    assert len(startline_race.start(race.device).helpers) == 1
    race.device.identity.values.update({"race.port": 0, "race.console": 0})
    assert startline_race.start(race.device).helpers == []
    race.device.identity.values["race.console"] = 1
    mocker.patch.object(role, "start", side_effect=OSError)
    assert startline_race.start(race.device).helpers == []
    startline_race.races.clear()


def test_a_restart_reads_no_more_than_it_has_to() -> None:
    """However much the journal holds, beside headers one sector tells how things stand."""

    def reads(sectors: int) -> int:
        race = PaperRace(sectors=40)
        while race.race.journal.head < sectors:
            race.race.marker("a long way to go " * 3)
            race.race.look_after()
        again = PaperRace(sectors=40)
        flash = again.parts["race"]
        flash.data[:] = race.parts["race"].data
        count = 0
        read = flash.read

        def counted(offset: int, length: int) -> bytearray:
            nonlocal count
            count += length
            return bytearray(read(offset, length))

        flash.read = counted  # type: ignore[method-assign]
        startline_race.is_open(again.device)
        return count

    assert reads(28) == reads(4)

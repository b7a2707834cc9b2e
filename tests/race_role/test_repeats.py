"""Repeats of one chip: within the dead time they are one passing, the first or the strongest."""

from __future__ import annotations

import pytest

from tests.firmware.harness import NOW
from tests.race_role.paper_cloud import EPC, MakeRace, PaperRace, lose

DEAD_MS = 5000


def sent(race: PaperRace) -> list[str]:
    """Have all sent; return the second and the milliseconds of each passing."""
    race.chip.sleep(70_000)
    race.send(lambda: race.race.state["waiting"] == 0)
    return [one["timestamp"][-7:-1] for body in race.posts() for one in body["passings_list"]]


@pytest.mark.parametrize(
    ("after_ms", "number"), [(0, 1), (4999, 1), (5000, 2), (5001, 2), (-4999, 1), (-5000, 2)]
)
def test_how_long_a_repeat_is_one(make: MakeRace, after_ms: int, number: int) -> None:
    """Up to the dead time, before or after; at its end it is another passing."""
    race = make(0, dead_time=DEAD_MS)
    race.chip.sleep(60_000)
    at = race.chip.ms()
    assert race.race.passing(EPC % 1, at=at - 10_000) == 1
    assert race.race.passing(EPC % 1, at=at - 10_000 + after_ms) == number
    assert race.race.passing(EPC % 2, at=at - 10_000) == number + 1
    assert race.race.state["stored"] == number + 1


def test_the_dead_time_goes_from_the_first_sighting(make: MakeRace) -> None:
    """Who stands on the line is a passing every five seconds; a bib alone is never a repeat."""
    race = make(0, dead_time=DEAD_MS)
    numbers = []
    for _ in range(12):
        numbers.append(race.race.passing(EPC % 1))
        race.chip.sleep(1000)
    assert numbers == [1] * 5 + [2] * 5 + [3] * 2
    assert [race.race.passing("", "17") for _ in range(2)] == [4, 5]


def test_without_a_dead_time_all_count(make: MakeRace) -> None:
    """Each sighting is a passing."""
    race = make(0)
    assert [race.race.passing(EPC % 1) for _ in range(3)] == [1, 2, 3]


def test_the_first_counts(make: MakeRace) -> None:
    """Unless it is set otherwise, however strong a repeat is."""
    race = make(0, dead_time=DEAD_MS)
    race.race.passing(EPC % 1, rssi=-70)
    race.chip.sleep(500)
    race.race.passing(EPC % 1, rssi=-20)
    race.race.set_time(race.chip.unix() * 1000, 2)
    assert sent(race) == ["40.000"] or len(race.rows) == 1
    assert not race.race.progress.amends


@pytest.mark.parametrize(
    ("strengths", "counts"),
    [
        ((-60, -50), 1), ((-50, -60), 0), ((-50, -50), 0), ((None, -90), 1), ((-90, None), 0),
        ((-60, -50, -55), 1), ((-60, -50, -40), 2), ((None, None), 0), ((None, -50, -60), 1),
    ],
)  # fmt: skip
def test_the_strongest_counts(
    make: MakeRace, strengths: tuple[int | None, ...], counts: int
) -> None:
    """Its time goes out, and its antenna and strength are kept; one that is as strong is no better."""
    race = make(0, dead_time=DEAD_MS, best=1)
    race.chip.sleep(900)
    times = []
    for number, rssi in enumerate(strengths):
        times.append(race.chip.now_us // 1000 % 1000)
        assert race.race.passing(EPC % 1, rssi=rssi, antenna=number, hits=number) == 1
        race.chip.sleep(137)
    (timestamp,) = sent(race)
    assert int(timestamp[-3:]) in {times[counts], times[counts] + 1}
    assert race.race.progress.amends == bool(counts)


def test_a_strongest_sighting_waits_for_its_dead_time(make: MakeRace) -> None:
    """It is not sent before nothing stronger can come; what is about to be sent stays as it is."""
    race = make(0, dead_time=DEAD_MS, best=1)
    race.race.passing(EPC % 1, rssi=-60)
    for _ in range(40):
        race.chip.sleep(100)
        race.sender.tick()
    assert race.posts() == []
    race.chip.sleep(1500)
    race.send(lambda: race.race.state["sent"] == 1)
    assert race.race.passing(EPC % 1, rssi=-20) == 2
    race.chip.sleep(100)
    late = race.chip.ms() - 150
    assert race.race.passing(EPC % 1, rssi=-10, at=late) == 2


def test_a_sighting_that_is_frozen_is_not_amended(make: MakeRace) -> None:
    """Once a passing is about to be sent its time stands, however strong the next sighting is."""
    race = make(0, dead_time=60_000, best=1)
    race.race.passing(EPC % 1, rssi=-60)
    race.race.progress.freeze(2)
    assert race.race.passing(EPC % 1, rssi=-20) == 1
    assert not race.race.progress.amends
    assert race.race.passing(EPC % 2, rssi=-60) == 2
    assert race.race.passing(EPC % 2, rssi=-20) == 2
    assert race.race.progress.amends


def test_a_stronger_sighting_that_is_told_late(make: MakeRace) -> None:
    """What may be about to be sent keeps its time, so that a lost answer brings the same again."""
    race = make(0, dead_time=DEAD_MS, best=1)
    seen = race.chip.ms()
    race.race.passing(EPC % 1, rssi=-60)
    race.chip.sleep(DEAD_MS + 1)
    race.script["POST", "passings"] = [lose]
    for stronger in range(1, 60):
        if not race.posts():
            race.sender.tick()
            race.race.passing(EPC % 1, rssi=stronger - 60, at=seen + stronger * 10)
    race.send(lambda: race.race.state["sent"] == 1)
    first, again = race.posts()
    assert first == again


@pytest.mark.parametrize(("after_ms", "amends"), [(60_000, True), (60_001, False)])
def test_a_sighting_of_much_later_is_no_better(
    make: MakeRace, after_ms: int, *, amends: bool
) -> None:
    """A minute after the first its time counts, whatever the dead time is."""
    race = make(0, dead_time=3_600_000, best=1)
    race.race.passing(EPC % 1, rssi=-60)
    race.chip.sleep(after_ms)
    assert race.race.passing(EPC % 1, rssi=-20) == 1
    assert race.race.progress.amends is amends


def test_amended_after_a_restart(make: MakeRace) -> None:
    """What was stronger before a restart is sent after it, in the place of the first sighting."""
    race = make(1, dead_time=DEAD_MS, best=1)
    race.chip.sleep(10_000)
    race.send(lambda: race.race.state["sent"] == 1)
    race.race.passing(EPC % 7, rssi=-60)
    race.chip.sleep(250)
    race.race.passing(EPC % 7, rssi=-30)
    seen_us = race.race.keeper.utc_us()
    race.pass_by(2)
    again = PaperRace.after(race)
    again.sessions = race.sessions
    type(race.sender.connection).race = again
    again.chip.sleep(100_000)
    again.send(lambda: again.race.state["waiting"] == 0)
    (body,) = again.posts()
    first = body["passings_list"][0]["timestamp"]
    assert first[-4:-1] == f"{(seen_us + 500) // 1000 % 1000:03}"


def test_many_chips(make: MakeRace) -> None:
    """Of more than a hundred chips the latest are kept in mind, and none is taken for another."""
    race = make(0, dead_time=3_600_000)
    for number in range(400):
        assert race.race.passing(EPC % number) == number + 1
        race.chip.sleep(1)
    for number in range(310, 400):
        assert race.race.passing(EPC % number) == number + 1
    assert race.race.passing(EPC % 0) == 401


def test_a_modules_own_clock_tells_what_is_a_repeat(make: MakeRace) -> None:
    """A log that comes at once holds the laps of an hour; what its clock says is near is a repeat."""
    race = make(0, dead_time=DEAD_MS)
    laps = [NOW * 1000 + minutes * 60_000 for minutes in (0, 10, 20)]
    assert [race.race.passing(EPC % 1, utc=utc) for utc in laps] == [1, 2, 3]
    race.chip.sleep(60_000)
    assert race.race.passing(EPC % 1, utc=laps[-1] + DEAD_MS - 1) == 3
    assert race.race.passing(EPC % 1) == 4  # of which nobody told another time


def test_another_session_is_another_passing(make: MakeRace) -> None:
    """Whoever finishes one race and starts in the next is in both, however soon."""
    race = make(0, dead_time=DEAD_MS)
    numbers = [race.race.passing(EPC % 1), race.race.passing(EPC % 1)]
    race.race.close()
    race.race.open("another")
    numbers += [race.race.passing(EPC % 1), race.race.passing(EPC % 1)]
    assert numbers == [1, 1, 2, 2]

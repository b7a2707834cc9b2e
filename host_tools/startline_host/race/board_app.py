"""The program of a board on a race day: its sightings come in frames over the console.

It answers two requests more than the role startline_console does, beside those of that role. `see`
N SIGHTING... stores sightings and is answered with how many it has taken once they are in flash: each
is its age in ms, antenna and RSSI in decimal, and the chip's end, with commas between. N counts the
requests, so that one that is sent again, its answer lost, stores nothing twice. `close` closes the session.
"""

from __future__ import annotations

from collections.abc import Sequence

from startline_host.race.day_app import SESSION
from startline_host.race.day_script import CHIP_PREFIX, DaySighting

#: The line with which it begins to listen.
LISTENS = "race day: listens"
#: What a request has room for: the role takes 100 characters.
MOST_SIGHTINGS = 5
_OLDEST = 99_999  # ms

APP = (
    f"""\
SESSION, CHIP_PREFIX, LISTENS = {SESSION!r}, {CHIP_PREFIX!r}, {LISTENS!r}
"""
    """\
import time

from startline_console.answers import RaceAnswers
from startline_race.errors import JournalFull


class DayAnswers(RaceAnswers):
    last = taken = 0
    latest = None

    def answer(self, name, values):
        if name == "see":
            number = int(values[0])
            if number != self.last:
                self.last = number
                self.taken = 0
                self.see(values[1:])
            return b"%d" % self.taken
        if name == "close":
            if self.race.state["session"]:
                self.race.close()
            return b"0"
        return RaceAnswers.answer(self, name, values)

    def see(self, sightings):
        now = time.ticks_ms()
        for one in sightings:
            age, antenna, rssi, chip = one.split(",")
            at = time.ticks_add(now, -int(age))
            if self.latest is not None and time.ticks_diff(at, self.latest) < 0:
                at = self.latest  # what was told before has waited for longer on its way
            self.latest = at
            try:
                self.race.passing(CHIP_PREFIX + chip, at=at, antenna=int(antenna), rssi=int(rssi))
            except (JournalFull, ValueError) as error:
                print(error)
                return
            self.taken += 1


def main(device):
    race = device.race()
    answers = DayAnswers(race)
    listener = [one for one in race.helpers if hasattr(one, "answers")][0]
    race.open(SESSION)
    print(LISTENS)
    while True:
        listener.answers = answers
        race.send(20)
        time.sleep_ms(2)
"""
).encode()


#: A sighting, and the Unix time that it is of.
Sighted = tuple[float, DaySighting]


def see_request(number: int, sightings: Sequence[Sighted], now: float) -> str:
    """Return the request that tells of at most MOST_SIGHTINGS; `now` is Unix time."""
    words = [f"see {number}"]
    for at, one in sightings:
        age = min(_OLDEST, max(0, round((now - at) * 1000)))
        chip = one.chip.removeprefix(CHIP_PREFIX)
        words.append(f"{age},{one.antenna},{one.rssi},{chip}")
    return " ".join(words)

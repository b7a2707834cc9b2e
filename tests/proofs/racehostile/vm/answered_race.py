"""Run by MicroPython: races whose cloud answers what nobody should trust, one after the other."""

import gc
import json

import race_world
from answering_cloud import AnsweringCloud

_TOKEN = "AB" * 32
_BEGUN = 5
_WORK_MS = 40
_MOST_WORK_MS = 240
"""What the reader's program does between two calls of the sender; more while nothing goes either way:
else most of what is tried would be looking whether a server that is silent still is."""
_HOURS_US = 12 * 3600 * 1000000
_EPC = "E2801160600002054C3A%04X"


class AnsweredRace:
    """One race on `device`: `case` is what `AnsweringCloud` goes by, and how the race is driven."""

    def __init__(self, net, device, case: dict, source) -> None:
        self.net = net
        self.chip = net.chip
        self.device = device
        self.case = case
        self.cloud = net.cloud = AnsweringCloud(net, case, source, _TOKEN)
        self.chip.race.erase_all()
        self.bad = []
        self.stored = self.turns = self.stops = 0
        self.held_us = self.exchange_us = 0

    def play(self) -> dict:
        """Race to the end; return what came of it."""
        device = self.device
        self.chip.turn_us = self.start_us = self.chip.now_us
        self.race = race = device.race()
        self._watch(race.sender())
        self.task = race.run() if self.case["task"] else None
        race.set_time(race_world.NOW * 1000 + self.chip.now_us // 1000, 2)
        race.open("10 km")
        for _ in range(_BEGUN):
            self._pass()
        try:
            self._drive()
        except race_world.Held:
            self.bad.append("the reader's program is held")
        except MemoryError:
            self.bad.append("an exception out of it: MemoryError")
        except Exception as error:
            self.bad.append("an exception out of it: " + type(error).__name__)
        self._judge()
        race.sender().drop()
        return self._told()

    def _watch(self, sender) -> None:
        """Measure how long each exchange takes."""
        self.sender = sender
        online = sender.online

        def watched():
            yield from online()
            connection = sender.connection
            if not hasattr(connection, "watched"):
                connection.watched = exchange = connection.exchange
                connection.exchange = lambda *more: self._measured(exchange, more)

        sender.online = watched

    def _measured(self, exchange, more: tuple):
        began = self.chip.now_us
        try:
            return (yield from exchange(*more))
        finally:
            self.exchange_us = max(self.exchange_us, self.chip.now_us - began)

    def _pass(self) -> None:
        number = self.race.passing(_EPC % self.stored)
        self.stored += 1
        if number != self.stored:
            self.bad.append("a passing with the number of another")

    def _drive(self) -> None:
        """Have the reader's program go on, until nothing is left or nothing moves any more."""
        race, chip = self.race, self.chip
        progress = race.progress
        more = self.case["next"]
        work, moved = _WORK_MS, 0
        while chip.now_us - self.start_us < _HOURS_US:
            began = chip.turn_us = chip.now_us
            wait = self._turn()
            self.held_us = max(self.held_us, chip.now_us - began)
            self.turns += 1
            # More runners come while it is answered, or else once it was.
            if more and (self.cloud.spoilt or self._is_idle()) and self._may_pass():
                for _ in range(more):
                    self._pass()
                more = 0
            if not more and progress.opened and (self.cloud.spoilt or self._is_idle()):
                race.close()
            if progress.done() or (self.sender.stopped and self.stops == 3):
                return
            if self.sender.stopped:
                self.stops += 1  # somebody looks after it
                self.sender.wake()
            work = _WORK_MS if moved != self.net.moved else min(work * 2, _MOST_WORK_MS)
            moved = self.net.moved
            chip.sleep(max(work, wait))

    def _turn(self) -> int:
        """Let the sender go on; return after how many milliseconds to do so again."""
        sender = self.sender
        if self.task:
            self.task.send(None)
        else:
            self.race.send(20)
        return sender._wait - self.chip.since(sender._due)

    def _is_idle(self) -> bool:
        return self.sender.reason == "idle"

    def _may_pass(self) -> bool:
        """Tell whether the next runners may come: behind a twin, once the first batch is done."""
        return self.case["lie"] != "twin" or self.race.progress.cursor > _BEGUN

    def _judge(self) -> None:
        progress = self.race.progress
        there = {int(row[2][-4:], 16) + 1 for row in self.cloud.rows}
        journal = self._numbers()
        for number in range(1, self.stored + 1):
            aside = any([first <= number <= last for first, last, _ in progress.aside])
            if number not in there and number not in journal:
                self.bad.append("a passing was dropped")
            if number not in there and number < progress.cursor and not aside:
                self.bad.append("a passing counts as sent and is not there")
        if not progress.done() and not (self.race.state["reason"] and self.stops):
            self.bad.append("never at rest: " + (self.race.state["reason"] or "for no reason"))
        if len(there) + progress.aside_count() < self.stored and not self.sender.stopped:
            self.bad.append("not sent at the end, for no reason")
        if self.net.hosts - {"localhost"}:
            self.bad.append("went to another server")
        self.bad.extend(self.cloud.wrong)

    def _numbers(self) -> list:
        from startline_race.journal_format import PASSING, entries_of

        numbers = []
        for sector in self.race.journal.sectors_from(1):
            for kind, payload in entries_of(sector):
                if kind == PASSING:
                    numbers.append(payload[0] | payload[1] << 8)
        return numbers

    def _told(self) -> dict:
        state = self.race.state
        kept = [bad for at, bad in enumerate(self.bad) if bad not in self.bad[:at]]
        outcome = "stopped: " + self.sender.stopped if self.sender.stopped else "done"
        if state["aside"]:
            outcome = "set aside"
        return {
            "bad": kept,
            "outcome": outcome,
            "spoilt": self.cloud.spoilt,
            "held_us": self.held_us,
            "exchange_us": self.exchange_us,
            "requests": self.cloud.requests,
            "open": self.net.open,
            "turns": self.turns,
        }


def run(folder: str, cases: str) -> None:
    """Play the cases in a file, one a line; of none, only see what all of this costs."""
    net = race_world.install(folder + "/fctry")
    if not cases:
        return
    import startline.hal  # noqa: F401 - as `startline.main` does
    import startline_race
    from startline.device import Device

    device = Device(net.chip)
    device.identify()
    device.state = "bound"
    device.token = _TOKEN
    with open(folder + "/answers", "rb") as source, open(cases) as lines:
        for line in lines:
            told = AnsweredRace(net, device, json.loads(line), source).play()
            print("END " + json.dumps(told))
            # Of the race before nothing is left, as after a restart.
            device._race = net.cloud = None
            startline_race.races.clear()
            gc.collect()

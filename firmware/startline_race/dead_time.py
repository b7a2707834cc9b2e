"""Repeats of one chip that are one passing; loaded where a dead time is set."""

from struct import pack

from .journal import RESERVE
from .journal_format import AMENDED, AMENDED_FORMAT, LONGEST_DEAD_US, split_us

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Race

    from .passing_format import Passing
    from .settings import RaceSettings

_MOST_CHIPS = 128  # whose last sighting is kept in mind


class DeadTime:
    """Merges what comes within the dead time: the first counts, or, if set so, the strongest."""

    def __init__(self, race: "Race", settings: "RaceSettings") -> None:
        self.progress = race.progress
        self.uptime = race.uptime
        self.dead_us = settings.dead_us
        self.best = settings.best
        # Chip to [time, RSSI, number, time of the module's own, session] of its last passing.
        self.chips = {}  # type: dict[str, list[Any]]

    def note(self, passing: "Passing") -> None:
        """Keep a passing in mind."""
        self.chips[passing.chip] = [
            passing.time_us, passing.rssi, passing.number, passing.utc_ms, passing.session,
        ]  # fmt: skip

    def merge(self, passing: "Passing") -> int:
        """Return the number of the passing that this is a repeat of; 0 if it is none.

        Raises JournalFull, OSError.
        """
        chips = self.chips
        before = chips.get(passing.chip)
        if before and before[4] == self.progress.next_ordinal() and self._is_near(passing, before):
            better = self.best and passing.rssi is not None
            if better and (before[1] is None or passing.rssi > before[1]):
                self._amend(passing, before)
            return before[2]
        if len(chips) >= _MOST_CHIPS:
            oldest = sorted([one[0] for one in chips.values()])[_MOST_CHIPS // 4]
            for name in [name for name in chips if chips[name][0] <= oldest]:
                del chips[name]
        return 0

    def _is_near(self, passing: "Passing", before: "list[Any]") -> bool:
        """Tell whether two sightings lie within the dead time, by the module's own clock if it has one."""
        apart = passing.time_us - before[0]
        if passing.utc_ms is not None and before[3] is not None:
            apart = (passing.utc_ms - before[3]) * 1000
        return -self.dead_us < apart < self.dead_us

    def _amend(self, passing: "Passing", before: "list[Any]") -> None:
        """Have a stronger sighting stand for the passing, as long as its time is not fixed."""
        number = before[2]
        progress = self.progress
        # From then on it may be about to be sent, also where this sighting is told late.
        passed = self.uptime.now() - before[0]
        if number < progress.frozen or passed > min(self.dead_us, LONGEST_DEAD_US):
            return
        low, high = split_us(passing.time_us)
        hits = min(passing.hits or 0, 255)
        entry = pack(AMENDED_FORMAT, number, low, high, passing.antenna or 0, passing.rssi, hits)
        progress.journal.append(AMENDED, entry, RESERVE)
        progress.amends = True
        before[1] = passing.rssi

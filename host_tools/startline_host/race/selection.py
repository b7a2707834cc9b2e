"""Which passings are meant: by number, by time, by session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from startline_host.errors import BadInput
from startline_host.race.stored_race import JournalPassing, StoredRace
from startline_host.util import printable

#: A day before 10000-01-01, the end in every zone of what `datetime` has.
_CALENDARS_END_MS = (253_402_300_800 - 86_400) * 1000


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A selection of passings as it was typed; see `select`. `zone` is that of its times."""

    begin: str = ""
    end: str = ""
    session: str = ""
    zone: tzinfo = UTC

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.begin or self.end or self.session)


#: The selection of all that there is.
EVERYTHING = Wanted()


def load_zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name. Raises BadInput."""
    try:
        return UTC if name.upper() == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            f"There is no time zone {printable(name)!r} on this computer.",
            "Name one as Europe/Berlin; on Windows the Python package tzdata has them.",
        ) from None


def local_time(passing: JournalPassing, zone: tzinfo) -> datetime | None:
    """Return when a passing was, in a zone; None where that is not known, or no time of a calendar."""
    if passing.utc_ms is None or not 0 <= passing.utc_ms < _CALENDARS_END_MS:
        return None
    seconds, ms = divmod(passing.utc_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=ms * 1000).astimezone(zone)


def select(race: StoredRace, wanted: Wanted) -> list[JournalPassing]:
    """Return the passings from `begin` to `end`, both included, of a session.

    A bound is a passing's number, or a time such as 2026-11-21T10:00, in the zone unless it names
    an offset. A session is its name, or its ordinal. Raises BadInput for what is not there.
    """
    found = race.passings
    begin, end, session, zone = wanted.begin, wanted.end, wanted.session, wanted.zone
    if session:
        names = {one.alias: one.ordinal for one in race.sessions}
        known = {str(one.ordinal): one.ordinal for one in race.sessions} | names
        if session not in known:
            listed = ", ".join(printable(name) for name in names) or "none"
            raise BadInput(
                f"There is no session {printable(session)!r} in the journal.",
                f"There are: {listed}.",
            )
        found = [one for one in found if one.session == known[session]]
    low, high = _bound(race, begin, zone), _bound(race, end, zone)
    chosen = [one for one in found if _after(one, low) and _before(one, high)]
    if (begin or end) and not chosen:
        raise BadInput(
            f"No passing lies between {begin or 'the first'} and {end or 'the last'}.",
            holds(race),
        )
    return chosen


def holds(race: StoredRace) -> str:
    """Say which numbers there are."""
    if race.before == race.first:
        return "The journal holds no passings."
    return f"The journal holds the passings {race.first} to {race.before - 1}."


def is_number(bound: str) -> bool:
    """Tell whether a bound is a passing's number, and no time."""
    return bound.isdecimal() and bound.isascii()


def _bound(race: StoredRace, text: str, zone: tzinfo) -> int | datetime | None:
    if not text:
        return None
    if is_number(text):
        if not race.first <= int(text) < race.before:
            raise BadInput(f"There is no passing {text[:20]}.", holds(race))
        return int(text)
    return parse_time(text, zone, "neither a passing's number nor a time")


def parse_time(text: str, zone: tzinfo, what: str = "no time") -> datetime:
    """Return a moment in UTC; `zone` counts where the text names no offset.

    Raises BadInput, which says that it is `what`, or that the zone's clocks never showed it, or twice.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else _in_zone(moment, zone)
    except (ValueError, OverflowError):
        raise BadInput(
            f"{printable(text)!r} is {what}.",
            "A time is written 2026-11-21T10:00:00, in the zone of --zone.",
        ) from None


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Return a local time as UTC, if a zone's clocks showed it once."""
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    said, where = moment.isoformat(), f"in {zone}"
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise BadInput(
            f"{said} never was {where}: the clocks were put forward over it.",
            "Name a time before or after that.",
        )
    raise BadInput(
        f"{said} was twice {where}: the clocks were put back over it.",
        f"Say which one is meant: {first.isoformat()} or {second.isoformat()}",
    )


def clocks_change(passings: Sequence[JournalPassing], zone: tzinfo) -> bool:
    """Tell whether a zone's clocks were put forward or back between passings."""
    times = (local_time(one, zone) for one in passings)
    return len({moment.utcoffset() for moment in times if moment}) > 1


def _after(one: JournalPassing, bound: int | datetime | None) -> bool:
    if bound is None or isinstance(bound, int):
        return bound is None or one.number >= bound
    moment = local_time(one, UTC)
    return moment is not None and moment >= bound


def _before(one: JournalPassing, bound: int | datetime | None) -> bool:
    if bound is None or isinstance(bound, int):
        return bound is None or one.number <= bound
    moment = local_time(one, UTC)
    return moment is not None and moment <= bound

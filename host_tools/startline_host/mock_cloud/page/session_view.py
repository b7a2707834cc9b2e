"""What the page shows of one session, as JSON: passings, their numbers, and its curve over time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from startline_host.mock_cloud.store import iso

if TYPE_CHECKING:
    from startline_host.mock_cloud.store import CloudStore

#: Passings that the page shows, the newest ones.
SHOWN_PASSINGS = 200
#: Gaps, and doubles, that the page names; of more it says how many.
SHOWN_NUMBERS = 20
#: Points of a curve, at most.
CURVE_POINTS = 200
#: Seconds between a race and the arrival of its passings within which one picture holds both.
_SAME_DAY = 86_400


def session_view(store: CloudStore, token: str) -> dict[str, Any]:
    """Describe a session's passings: the newest of them, gaps and doubles by number, the curve."""
    return {
        "passings": _newest(store, token),
        "numbers": _numbers(store, token),
        "curve": _curve(store, token),
    }


def _newest(store: CloudStore, token: str) -> list[dict[str, Any]]:
    rows = store.rows(
        "SELECT passings.id, bib, num_passing, timestamp, chip, received,"
        " COUNT(*) OVER (PARTITION BY num_passing) AS times FROM passings"
        " JOIN sessions ON sessions.id = session WHERE token = ?"
        " ORDER BY passings.id DESC LIMIT ?",
        token,
        SHOWN_PASSINGS,
    )
    return [{**row, "received": iso(row["received"])} for row in rows]


def _numbers(store: CloudStore, token: str) -> dict[str, Any]:
    """Say which numbers are missing, as ranges counted from 1, and which are there repeatedly."""
    rows = store.rows(
        "SELECT num_passing AS number, COUNT(*) AS times FROM passings"
        " JOIN sessions ON sessions.id = session WHERE token = ?"
        " GROUP BY num_passing ORDER BY num_passing",
        token,
    )
    gaps: list[tuple[int, int]] = []
    expected = 1
    for row in rows:
        if row["number"] > expected:
            gaps.append((expected, row["number"] - 1))
        expected = max(expected, row["number"] + 1)
    doubles = [(row["number"], row["times"]) for row in rows if row["times"] > 1]
    return {
        "total": sum(row["times"] for row in rows),
        "last": expected - 1,
        "missing": sum(last - first + 1 for first, last in gaps),
        "gaps": gaps[:SHOWN_NUMBERS],
        "more_gaps": max(0, len(gaps) - SHOWN_NUMBERS),
        "doubled": len(doubles),
        "doubles": doubles[:SHOWN_NUMBERS],
    }


def _curve(store: CloudStore, token: str) -> dict[str, Any]:
    """Count passings up over time: when competitors passed, and when the cloud heard of it.

    Each is a list of (seconds since the first moment, passings so far). Arrivals are left out
    where they are so far from the race that one picture could not show both.
    """
    rows = store.rows(
        "SELECT timestamp, received FROM passings"
        " JOIN sessions ON sessions.id = session WHERE token = ?",
        token,
    )
    if not rows:
        return {"begins": None, "seconds": 0, "passed": [], "arrived": []}
    passed = sorted(_moment(row["timestamp"]) for row in rows)
    arrived = sorted(row["received"] for row in rows)
    if arrived[0] > passed[-1] + _SAME_DAY or passed[0] > arrived[-1] + _SAME_DAY:
        arrived = []
    begin, end = min(passed + arrived), max(passed + arrived)
    return {
        "begins": iso(begin),
        "ends": iso(end),
        "seconds": round(end - begin, 3),
        "passed": _points(passed, begin),
        "arrived": _points(arrived, begin),
    }


def _points(moments: list[float], begin: float) -> list[tuple[float, int]]:
    """Take at most `CURVE_POINTS` points of the curve, the first and the last among them."""
    if not moments:
        return []
    count = len(moments)
    picked = {round(i * (count - 1) / (CURVE_POINTS - 1)) for i in range(CURVE_POINTS)}
    return [(round(moments[n] - begin, 3), n + 1) for n in sorted(picked)]


def _moment(timestamp: str) -> float:
    """Read a date in the API's form; the year 0, which is one there, counts as the year 1."""
    text = timestamp if timestamp[:4] != "0000" else "0001" + timestamp[4:]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return datetime.fromisoformat(text.replace("02-29", "02-28")).timestamp()

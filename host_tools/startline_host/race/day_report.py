"""A race day as one HTML page that needs nothing else, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from startline_host.html_report import render
from startline_host.race.day_charts import (
    HEIGHT,
    WIDTH,
    Chart,
    Shade,
    columns,
    dots,
    level,
    shaded,
)
from startline_host.race.day_result import DayResult, ReaderDay, share
from startline_host.util import counted

#: Seconds: below and above these, a delay stands at the edge of its picture.
_DELAYS = (0.02, 100.0)
#: The picture of the clock's error reaches at least so far either way, in milliseconds.
_MOST_ERRORS = 0.97
_LEAST_REACH = 20.0
#: What must not be, in words.
WORDS = {
    "lost": "lost",
    "doubled": "doubled",
    "invented": "invented",
    "back": "out of order",
    "missing": "missing in journals",
    "findings": "found by the audit",
}


def json_report(day: DayResult) -> bytes:
    """Return all of a day as JSON: what is on the page, and each passing."""
    found = {"good": day.good, "bad": day.bad, **_figures(day), **msgspec.to_builtins(day)}
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def day_page(day: DayResult) -> bytes:
    """Return the page; nothing in it is code."""
    span = max([day.race_seconds, *(one.seen - day.gun for one in day.passings)])
    shades = [shaded(_shades(day, number), span) for number in range(len(day.readers))]
    charts = [list(_charts(day, reader, span)) for reader in day.readers]
    return render(
        "race/day_report.html",
        day=day,
        verdict=verdict(day),
        happened=list(_happened(day)),
        tiles=list(_tiles(day)),
        pictures=list(zip(day.readers, charts, shades, strict=True)),
        rows=[_row(reader) for reader in day.readers],
        words=WORDS,
        span=span,
        size=(WIDTH, HEIGHT),
        counted=counted,
    )


def verdict(day: DayResult) -> str:
    """Say in a few words how the day went."""
    if day.good:
        aside = day.count("aside")
        return "nothing lost, nothing doubled" + (f", {aside} set aside" if aside else "")
    return ", ".join(f"{count} {WORDS[name]}" for name, count in day.bad.items() if count)


def _figures(day: DayResult) -> dict[str, float]:
    delays, errors = day.delays(), day.errors_ms()
    return {
        "delay_p50": share(delays, 0.5),
        "delay_p99": share(delays, 0.99),
        "delay_most": delays[-1] if delays else 0.0,
        "error_ms_p50": share(errors, 0.5),
        "error_ms_p99": share(sorted(map(abs, errors)), 0.99),
        "error_ms_worst": day.worst_error_ms,
    }


def _happened(day: DayResult) -> Iterator[str]:
    options = day.options
    yield counted(options.readers, "reader")
    yield counted(options.runners, "runner")
    yield counted(len(day.outages), "outage")
    yield counted(len(day.cuts), "power cut")
    yield f"{counted(len(day.closings), 'session')} closed by somebody else"
    yield f"seed {options.seed}"


def _tiles(day: DayResult) -> Iterator[tuple[str, str, str]]:
    figures = _figures(day)
    yield str(day.count("stored")), "passings stored", ""
    yield str(day.count("at_cloud")), "at the cloud", ""
    for name, count in day.bad.items():
        yield str(count), WORDS[name], "no" if count else ""
    yield _seconds(figures["delay_p50"]), "to the cloud, half of them", ""
    yield _seconds(figures["delay_p99"]), "to the cloud, 99 in 100", ""
    yield f"{figures['error_ms_worst']:+.0f} ms", "worst time", ""
    yield str(day.count("aside")), "set aside: no time in their boot", ""
    yield str(day.count("dark")), "crossed a reader without power", ""
    yield str(day.count("in_flight")), "on the wire when power went", ""


def _shades(day: DayResult, number: int) -> Iterator[Shade]:
    for one in day.outages:
        if one.reader is None:
            yield Shade(one.begin, one.end, "cloud", "the cloud answers 503")
        elif one.reader == number:
            yield Shade(one.begin, one.end, "wifi", "no link")
    for cut in day.cuts:
        if cut.reader == number:
            yield Shade(cut.begin, cut.end, "power", "no power, or starting")


def _charts(day: DayResult, reader: ReaderDay, span: float) -> Iterator[Chart]:
    groups = [
        ("stored", [one.seen - day.gun for one in reader.passings]),
        ("unseen", [at - day.gun for at in reader.dark_at]),
    ]
    bars, most = columns(groups, span)
    yield Chart("Passings over time", str(most), "0", bars=bars)
    points = [(one.seen - day.gun, one.received - one.seen) for one in reader.passings]
    low, high = _DELAYS
    yield Chart(
        "Delay from antenna to cloud (logarithmic)",
        f"{high:g} s",
        f"{low:g} s",
        dots=dots(points, span, low, high, log=True),
    )
    points = [(one.seen - day.gun, (one.dated - one.seen) * 1000) for one in reader.passings]
    # What waited while a reader started is far off, and must not make a line of all the others.
    far = sorted(abs(value) for _, value in points)
    reach = max(_LEAST_REACH, share(far, _MOST_ERRORS))
    beyond = sum(value > reach for value in far)
    yield Chart(
        "Clock error: time of the passing minus sighting, the module's line included"
        + (f"; {beyond} further off, at the edge" if beyond else ""),
        f"+{reach:.0f} ms",
        f"−{reach:.0f} ms",
        dots=dots(points, span, -reach, reach),
        level=level(0.0, -reach, reach),
    )


def _row(one: ReaderDay) -> dict[str, str | int]:
    """Return a reader's line of the table, by heading."""
    bad = {name: getattr(one, name) for name in WORDS}
    return {
        "Reader": one.name,
        "Crossed": one.shown + len(one.dark),
        "No power": len(one.dark),
        "On the wire": len(one.in_flight),
        "Promised": one.promised,
        "Stored": one.stored,
        "Repeated": len(one.repeated),
        "At the cloud": one.at_cloud,
        "Set aside": len(one.aside),
        **{
            WORDS[name].capitalize(): value if isinstance(value, int) else len(value)
            for name, value in bad.items()
        },
    }


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"

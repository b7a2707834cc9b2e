"""A race day as one HTML page that needs nothing else, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import msgspec

from startline_host.race.day_charts import Shade, columns, dots, level, strip
from startline_host.race.day_result import DayResult, ReaderDay, share
from startline_host.util import counted

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
#: Seconds: below and above these, a delay stands at the edge of its picture.
_DELAYS = (0.02, 100.0)
#: The picture of the clock's error reaches at least so far either way, in milliseconds.
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
    style = Path(__file__).with_name("day_report.css").read_text(encoding="utf-8")
    body = "\n".join([_head(day), _tiles(day), _legend(), *_readers(day), _table(day)])
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>Race day: {escape(verdict(day))}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
""".encode()


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


def _head(day: DayResult) -> str:
    options = day.options
    mark = "yes" if day.good else "no"
    told = [
        counted(options.readers, "reader"),
        counted(options.runners, "runner"),
        counted(len(day.outages), "outage"),
        counted(len(day.cuts), "power cut"),
        f"{counted(len(day.closings), 'session')} closed by somebody else",
        f"seed {options.seed}",
    ]
    return (
        f'<h1>Race day: <span class="{mark}">{escape(verdict(day))}</span></h1>'
        f'<p class="soft">{escape(day.began)} UTC · {" · ".join(told)} · race of '
        f"{day.race_seconds:.0f} s, {day.seconds:.0f} s in all</p>"
    )


def _tiles(day: DayResult) -> str:
    figures = _figures(day)
    tiles = [
        (str(day.count("stored")), "passings stored", ""),
        (str(day.count("at_cloud")), "at the cloud", ""),
        *((str(count), WORDS[name], "no" if count else "") for name, count in day.bad.items()),
        (_seconds(figures["delay_p50"]), "to the cloud, half of them", ""),
        (_seconds(figures["delay_p99"]), "to the cloud, 99 in 100", ""),
        (f"{figures['error_ms_worst']:+.0f} ms", "worst time", ""),
        (str(day.count("aside")), "set aside: no time in their boot", ""),
        (str(day.count("dark")), "crossed a reader without power", ""),
        (str(day.count("in_flight")), "on the wire when power went", ""),
    ]
    drawn = "".join(
        f'<div class="tile {kind}"><b>{number}</b><span>{words}</span></div>'
        for number, words, kind in tiles
    )
    return f'<div class="tiles">{drawn}</div>'


def _legend() -> str:
    marks = {
        "stored": "passings",
        "unseen": "crossed while it had no power",
        "wifi": "no Wi-Fi",
        "cloud": "the cloud answers 503",
        "power": "no power, or starting",
    }
    drawn = "".join(f'<span><i class="{kind}"></i>{words}</span>' for kind, words in marks.items())
    return f'<div class="legend">{drawn}</div>'


def _readers(day: DayResult) -> Iterator[str]:
    span = max([day.race_seconds, *(one.seen - day.gun for one in day.passings)])
    for number, reader in enumerate(day.readers):
        shades = list(_shades(day, number))
        yield (
            f'<section class="card"><h2>{escape(reader.name)}</h2>'
            f'<p class="soft">{counted(reader.stored, "passing")} · crystal {reader.ppm:+.1f} ppm · '
            f"{counted(reader.power_cuts, 'power cut')} · sessions: "
            f"{escape(', '.join(reader.sessions))}</p>"
            + _passings(day, reader, shades, span)
            + _delays(day, reader, shades, span)
            + _errors(day, reader, shades, span)
            + f'<div class="axis"><span>gun</span><span>{span / 2:.0f} s</span>'
            f"<span>{span:.0f} s</span></div></section>"
        )


def _shades(day: DayResult, number: int) -> Iterator[Shade]:
    for one in day.outages:
        if one.reader is None:
            yield one.begin, one.end, "cloud", "the cloud answers 503"
        elif one.reader == number:
            yield one.begin, one.end, "wifi", "no Wi-Fi"
    for cut in day.cuts:
        if cut.reader == number:
            yield cut.begin, cut.end, "power", "no power, or starting"


def _passings(day: DayResult, reader: ReaderDay, shades: list[Shade], span: float) -> str:
    groups = [
        ("stored", [one.seen - day.gun for one in reader.passings]),
        ("unseen", [at - day.gun for at in reader.dark_at]),
    ]
    drawn, most = columns(groups, span)
    return strip("Passings over time", shades, drawn, f"{most}", "0", span)


def _delays(day: DayResult, reader: ReaderDay, shades: list[Shade], span: float) -> str:
    points = [(one.seen - day.gun, one.received - one.seen) for one in reader.passings]
    low, high = _DELAYS
    drawn = dots(points, span, low, high, log=True)
    title = "Delay from antenna to cloud (logarithmic)"
    return strip(title, shades, drawn, f"{high:g} s", f"{low:g} s", span)


def _errors(day: DayResult, reader: ReaderDay, shades: list[Shade], span: float) -> str:
    points = [(one.seen - day.gun, (one.dated - one.seen) * 1000) for one in reader.passings]
    reach = max([_LEAST_REACH, *(abs(value) for _, value in points)])
    drawn = level(0.0, -reach, reach) + dots(points, span, -reach, reach)
    title = "Clock error: time of the passing minus sighting, the module's line included"
    return strip(title, shades, drawn, f"+{reach:.0f} ms", f"−{reach:.0f} ms", span)


def _table(day: DayResult) -> str:
    heads = ["Reader", "Crossed", "No power", "On the wire", "Promised", "Stored", "Repeated", "At the cloud", "Set aside",
             *(word.capitalize() for word in WORDS.values())]  # fmt: skip
    rows = []
    for one in day.readers:
        bad = [getattr(one, name) for name in WORDS]
        cells = [one.name, one.shown + len(one.dark), len(one.dark), len(one.in_flight),
                 one.promised, one.stored, len(one.repeated), one.at_cloud, len(one.aside),
                 *(value if isinstance(value, int) else len(value) for value in bad)]  # fmt: skip
        rows.append(
            "<tr>"
            + "".join(
                f'<td class="n" data-name="{head}">{escape(str(cell))}</td>'
                for head, cell in zip(heads, cells, strict=True)
            )
            + "</tr>"
        )
    head = "".join(f'<th class="n">{one}</th>' for one in heads)
    named = "".join(_named(one) for one in day.readers)
    return (
        f'<section class="card"><h2>In numbers</h2><table class="stack"><thead><tr>{head}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table>{named}</section>"
    )


def _named(reader: ReaderDay) -> str:
    """Name the chips that something is wrong with."""
    found = ""
    for name in ("lost", "doubled", "invented"):
        chips = getattr(reader, name)
        if chips:
            found += (
                f'<p><span class="no">{escape(reader.name)}, {WORDS[name]}:</span> '
                f"{escape(', '.join(chips[:50]))}</p>"
            )
    return found


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"

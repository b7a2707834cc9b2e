"""What timing and sending cost a reader: bytes, heap, flash, the wire, and the app's own time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from startline_host.mock_cloud import MockCloud
from tests.benchmarks.heap import smallest
from tests.benchmarks.row import Peer, Row
from tests.race_role.racing import RacingReader
from tests.race_role.vm_cases import compile_race

_BACKLOG = 10_000
_RATE_SECONDS = 20


def rows(work: Path) -> Iterator[Row]:
    """Yield the rows of the race, all in the 64-bit VM."""
    lib = compile_race(work)
    for row, package in (("package", "startline_race"), ("online", "startline_online")):
        size = sum(path.stat().st_size for path in (lib / package).rglob("*.mpy"))
        yield Row(row, size, "bytes", note="of .mpy; none of it in a boot that does not race")
    with MockCloud() as cloud:
        racer = RacingReader(work / "racer", lib, cloud)
        passing = _measure(racer, "test_passing")
        yield Row("passing_programs", passing["programs"], "programs", note="at the most")
        yield Row("passing_erases", passing["erases"], "erases")
        yield Row("passing_garbage", passing["garbage"], "bytes")
        line = Peer("a line in LittleFS, flushed", 1e6 / passing["line_us"])
        note = "VM time, and what a W25Q32JV takes for its programs and erases by its data sheet"
        yield Row("passings_a_second", 1e6 / passing["passing_us"], "passings/s", line, note)
        rate = _measure(racer, "test_rate", count=_RATE_SECONDS * 150, heap="1m")
        note = "VM time beside its programs, 150 a second, sending at work, the link goes"
        yield Row("passing_longest", rate["longest_ms"], "ms", note=note)
        wear = _measure(racer, "test_wear")["erases_a_passing"]
        peer = Peer("a line in LittleFS, flushed", passing["line_erases"])
        yield Row("erases_a_passing", wear, "erases", peer, note="with what is said of sending")
        opened = _measure(racer, "test_open")
        yield Row("open_full", opened["open_ms"], "ms", note=f"{opened['passings']:,} passings")
        sending = _measure(racer, "test_sending", count=_BACKLOG, heap="1m")
        yield Row("wire_a_passing", sending["wire_bytes"], "bytes", note="TLS included")
        yield Row("longest_hold", sending["longest_ms"], "ms", note="once connected")
        beside = _measure(racer, "test_beside", heap="1m")
        note = "the bench computer reads the journal, and two clients of the live port"
        yield Row("beside_longest", beside["longest_ms"], "ms", note=note)
        single = Peer("one request a passing", 1e6 / sending["single_us"])
        yield Row("backlog", 1e6 / sending["batch_us"], "passings/s", single)
    with MockCloud() as cloud:
        racer = RacingReader(work / "small", lib, cloud)
        racer.run("test_bound", module="measure_cases")
        bound = smallest(lambda heap: _works(racer, "test_bound", heap))
        racing = smallest(lambda heap: _works(racer, "test_small", heap))
        yield Row("heap", racing - bound, "bytes", note="above a bound boot, with TLS")


def _works(racer: RacingReader, case: str, heap: str) -> bool:
    racer.erase_journal()  # what a race that failed has left would be work for the next
    racer.run(case, heap=heap, module="measure_cases")
    return True


def _measure(racer: RacingReader, case: str, heap: str = "24m", **given: object) -> dict[str, Any]:
    text = racer.run(case, heap=heap, module="measure_cases", **given)
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "ROW":
            found: dict[str, Any] = json.loads(rest)
            return found
    raise AssertionError(text)

"""The frame of the benchmarks: what it writes down, what it calls missed, what it compares."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from startline_host.errors import BadInput
from tests.benchmarks.__main__ import main
from tests.benchmarks.budgets import BUDGETS, of_group
from tests.benchmarks.compare import disagreements
from tests.benchmarks.groups import GROUPS, Result, run_group
from tests.benchmarks.heap import smallest
from tests.benchmarks.row import UNKNOWN, Peer, Row

_MEMBERS = {"name", "group", "value", "unit", "budget", "peer", "ratio", "met", "note"}


def test_a_group_is_measured_written_down_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One group alone gives whole rows in a JSON file and, for each of its budgets, a verdict."""
    path = tmp_path / "new" / "benchmarks.json"
    code = main(["--only", "size", "--output", str(path)])
    written = json.loads(path.read_text(), parse_constant=pytest.fail)
    rows = {row["name"]: row for row in written["rows"]}
    assert all(set(row) == _MEMBERS and row["group"] == "size" for row in rows.values())
    verdicts = {name: rows[name]["met"] for name in of_group("size")}
    assert set(verdicts.values()) <= {True, False}
    assert code == (0 if all(verdicts.values()) else 1)
    assert rows["size.all_modules"]["value"] == sum(
        row["value"] for name, row in rows.items() if name.startswith("size.module.")
    )
    assert {"processor", "cores", "memory", "micropython"} <= set(written["machine"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in rows)
    assert shown.count(" met") + shown.count(" missed") == len(verdicts)


def test_what_a_group_leaves_out_is_missed() -> None:
    """A budget without a row, whatever the reason, has a row that says so, and so has a failure."""

    def fails(work: Path) -> Iterator[Row]:
        yield Row("first_boot_https", 1, "bytes")
        raise BadInput("There is no heap.", "Buy one.")

    told: list[Result] = []
    results = list(run_group("heap", told.append, SimpleNamespace(rows=fails)))
    assert results == told
    assert [(one.name, one.met) for one in results] == [
        ("heap.first_boot_https", True),
        ("heap.bound_boot", False),
    ]
    assert results[1].row.note == "There is no heap. Buy one."
    assert results[1].as_json()["value"] is None
    (failed,) = run_group("wear", told.append, SimpleNamespace(rows=_no_rows))
    assert (failed.name, failed.met) == ("wear.failed", False)


def _no_rows(work: Path) -> Iterator[Row]:
    raise BadInput("Nothing can be measured.")
    yield Row("", UNKNOWN, "")


def test_every_budget_belongs_to_a_group() -> None:
    """There is a module for each group, and each budget is owed by one of them."""
    here = Path(__file__).parent
    assert all((here / f"{group}.py").is_file() for group in GROUPS)
    assert sorted(name for group in GROUPS for name in of_group(group)) == sorted(BUDGETS)


@pytest.mark.parametrize(
    ("value", "met"), [(10, True), (20, True), (20.1, False), (UNKNOWN, False)]
)
def test_a_ratio_is_held_to_its_bound(value: float, met: bool) -> None:
    """A budget on a ratio looks at the peer; a number that is not known does not meet it."""
    row = Row("agent_bytes_best", value, "bytes", Peer("another", 40))
    assert Result("wire", row).met is met
    assert math.isnan(Row("x", 1, "bytes").ratio)


def test_ratios_of_two_runs_are_compared() -> None:
    """Ratios that are more than 15 % apart are named; values without a peer are passed over."""
    earlier = [{"name": f"wire.{name}", "ratio": ratio} for name, ratio in
               (("same", 0.5), ("other", 0.5), ("alone", None), ("gone", 1.0))]  # fmt: skip
    now = [
        Row("same", 11, "", Peer("", 20)),
        Row("other", 12, "", Peer("", 20)),
        Row("alone", 9, ""),
    ]
    results = [Result("wire", row) for row in now]
    assert list(disagreements(earlier, results)) == [("wire.other", 0.5, 0.6)]


def test_a_file_of_an_earlier_run_that_is_none_is_exit_60(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be compared with is named before anything is measured."""
    (tmp_path / "x.json").write_text("[]")
    assert main(["--only", "size", "--compare", str(tmp_path / "x.json")]) == 60
    assert "x.json is no result of benchmarks" in " ".join(capsys.readouterr().err.split())


def test_the_smallest_heap_is_found() -> None:
    """Bisection ends within a step of the least size, and runs out of memory on the way."""

    def needs_70_000(heap: str) -> bool:
        assert int(heap) >= 20_000
        return int(heap) >= 70_000

    assert 70_000 <= smallest(needs_70_000) < 70_256


def test_the_book_has_every_group() -> None:
    """Its page names each group that ONLY takes, and the bounds of the race."""
    page = Path("docs/explanation/benchmarks.md").read_text(encoding="utf-8")
    (named,) = (line for line in page.splitlines() if line.startswith("`ONLY` runs one group of "))
    assert set(named.rpartition(" of ")[2].rstrip(".").split(", ")) == set(GROUPS)
    limits = {
        round(budget.limit, 4) for name, budget in BUDGETS.items() if name.startswith("race.")
    }
    shown = {float(text.replace(",", "")) for text in re.findall(r"[<>]= ([\d.,]*\d)", page)}
    assert limits <= shown

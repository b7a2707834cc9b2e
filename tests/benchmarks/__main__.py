"""`make benchmarks`: measures the budgets, beside what else there is, on this machine.

Exit code 0: every budget that was measured is met; 1: one is missed; 2: usage; 60: a file that
cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from startline_host.errors import BadInput
from tests.benchmarks.compare import TOLERANCE, disagreements
from tests.benchmarks.groups import GROUPS, Result, run_group
from tests.benchmarks.machine import machine
from tests.benchmarks.table import one_line, show

_MISSED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the groups asked for, write the JSON file, show the table; return the exit code."""
    options = _parser().parse_args(arguments)
    aside = Console(stderr=True, highlight=False)
    try:
        earlier = _rows_of(options.compare) if options.compare else []
        results = _measure(options.only or GROUPS, aside)
        about = machine()
        rows = [result.as_json() for result in results]
        _write(options.output, {"machine": about, "rows": rows})
    except BadInput as error:
        aside.print(f"benchmarks: {error.message} {error.hint}", markup=False, style="red")
        return error.exit_code
    if options.json:
        for row in rows:
            print(json.dumps(row))  # noqa: T201 - results go to stdout
    else:
        show(Console(highlight=False), results, about)
    apart = list(disagreements(earlier, results))
    for name, before, now in apart:
        words = f"{name}: ratio {now:.3f}, and {before:.3f} then: more than {TOLERANCE:.0%} apart"
        aside.print(words, markup=False)
    if earlier and not apart:
        aside.print(f"No ratio is more than {TOLERANCE:.0%} from that of {options.compare}.")
    missed = [result.name for result in results if result.met is False]
    if missed:
        aside.print(f"Missed: {', '.join(missed)}.", markup=False, style="red")
    return _MISSED if missed else 0


def _measure(groups: Sequence[str], aside: Console) -> list[Result]:
    results: list[Result] = []
    for group in groups:
        began = time.monotonic()
        with aside.status(group) as status:

            def tell(result: Result) -> None:
                status.update(one_line(result))
                if not aside.is_terminal:
                    aside.print(one_line(result), markup=False, soft_wrap=True)

            results += run_group(group, tell)
        aside.print(f"{group}: {time.monotonic() - began:.0f} s", markup=False)
    return results


def _rows_of(path: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is no result of benchmarks: {error}.") from None
    return rows


def _write(path: Path, whole: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=GROUPS, metavar="GROUP",
        help=f"run only this group; repeatable: {', '.join(GROUPS)}",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, default=Path("build/benchmarks.json"), metavar="FILE"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines, no table")
    parser.add_argument(
        "--compare", type=Path, metavar="FILE",
        help="an earlier run's file: say which ratios do not agree with it",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`make suites`: other projects' own tests and clients, against the virtual chip.

The sources of esptool and MicroPython are folders that ESPTOOL_SOURCE and MICROPYTHON_SOURCE name
(a checkout of each); what is not named is left out with a word. Exit code 0: nothing failed but
what expected.toml names; 1: something new failed, or an expected failure passed; 2: usage.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.suites.clients import run_clients
from tests.suites.comparison import Comparison, compare, expected_failures
from tests.suites.suite_environment import make_environment
from tests.suites.target import fresh_chip
from tests.suites.upstream import SUITES, SuiteRun

_FOLDER = Path("build/suites")
_CLIENTS = "clients"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites asked for, and say what each came to; return the exit code."""
    options = _parser().parse_args(arguments)
    match = re.compile(options.match or "")
    folder = options.folder.resolve()
    sources = {name: _source(name) for name in options.only or [_CLIENTS, *SUITES]}
    python = make_environment(folder / "environment")
    expected = expected_failures()
    good = True
    for name, source in sources.items():
        if name != _CLIENTS and source is None:
            continue
        work = folder / name
        shutil.rmtree(work, ignore_errors=True)
        with fresh_chip(work / "chip") as chip:
            run = SuiteRun(source=source or work, work=work, python=python, chip=chip, match=match)
            results = run_clients(run) if name == _CLIENTS else SUITES[name].run(run)
        seen = compare(results, expected.get(name, {}), whole=not options.match)
        _show(name, seen, work)
        good = good and seen.good
    return 0 if good else 1


def _source(name: str) -> Path | None:
    """Return the folder that a suite's variable names. A word says which one is left out."""
    if name == _CLIENTS:
        return None
    suite = SUITES[name]
    told = os.environ.get(suite.variable, "")
    if not told:
        print(f"{name}: left out; name a checkout of its sources with {suite.variable}=...")
        return None
    if not (Path(told) / suite.mark).is_file():
        _parser().error(f"{suite.variable}: {told} is no checkout, it has no {suite.mark}")
    if not (Path(told) / suite.submodule).is_dir():
        print(
            f"{name}: tests that need {suite.submodule} are left out: git submodule update --init"
        )
    return Path(told).resolve()


def _show(name: str, seen: Comparison, work: Path) -> None:
    counts = ", ".join(f"{seen.count(kind)} {kind}" for kind in ("passed", "failed", "skipped"))
    print(f"{name}: {counts if seen.results else 'no test ran'}")
    for test, why in seen.known.items():
        print(f"  expected  {test}: {why}")
    for test in seen.new:
        print(f"  NEW       {test} failed; see {work}")
    for test in seen.mended:
        print(f"  PASSES    {test} is expected to fail: take it off expected.toml")
    for test in seen.unknown:
        print(f"  UNKNOWN   {test} stands in expected.toml, and there is no such test")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make suites", description=__doc__)
    parser.add_argument("--only", action="append", choices=[_CLIENTS, *SUITES])
    parser.add_argument(
        "--match", metavar="REGEX", help="only the tests whose names it is found in"
    )
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="for environment and results")
    return parser


if __name__ == "__main__":
    sys.exit(main())

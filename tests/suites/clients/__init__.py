"""Serial clients of other projects, from the package index, each in a few tests of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.suites.upstream import Results, SuiteRun

_HERE = Path(__file__).parent
_PYTEST_EMBEDDED = "client_pytest_embedded"


def run_clients(run: SuiteRun) -> Results:
    """Run each client's file in the suites' environment; it finds the chip by its URL."""
    # The clients' own environment imports this package, and has none of these.
    from startline_host.virtual.chip_options import DEFAULT_MAC
    from startline_host.virtual.jumpstarter_file import exporter_file
    from tests.suites.upstream import run_pytest

    found: Results = {}
    for path in sorted(_HERE.glob("client_*.py")):
        more = []
        if path.stem == _PYTEST_EMBEDDED:
            more = ["-p", "pytest_embedded.plugin", "--port", run.chip.url]
        exporter = run.work / "exporter.yaml"
        pty = run.chip.pty_path or ""
        exporter.write_text(exporter_file(run.chip.url, pty, DEFAULT_MAC), encoding="utf-8")
        words: list[Path | str | None] = ["--confcutdir", _HERE, *more, path]
        given = {"CHIP_URL": run.chip.url, "EXPORTER_FILE": str(exporter)}
        results = run_pytest(run, run.work, path.stem, words, **given)
        found |= {f"{path.stem}::{name.rpartition('::')[2]}": one for name, one in results.items()}
    # Nothing here has a reason to skip: each has all that it needs.
    return {
        name: "failed" if outcome == "skipped" else outcome
        for name, outcome in found.items()
        if run.match.search(name)
    }

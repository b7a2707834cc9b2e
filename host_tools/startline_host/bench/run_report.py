"""What a bench leaves behind: JUnit XML, JSON lines, one HTML page; each written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from startline_host.bench.scenarios.runner import CaseResult
from startline_host.errors import BadInput
from startline_host.file_access import check_stream, is_stream
from startline_host.util import write_whole


class BenchRun(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run: its results in the order of the scenario files, and what it was a run of.

    `began` is ISO 8601 in UTC; `facts` are lines for a person, such as the board and the link.
    `interrupted` says what ended the run early ("Ctrl-C"); what did not come to its end by then
    is skipped.
    """

    results: Sequence[CaseResult]
    began: str
    seconds: float
    seed: int
    version: str
    target: str
    facts: Mapping[str, str] = {}
    interrupted: str = ""

    @property
    def counts(self) -> Counter[str]:
        """How many cases have each verdict."""
        return Counter(result.verdict for result in self.results)

    @property
    def passed(self) -> bool:
        """Whether all was run, and nothing failed."""
        return not (self.interrupted or self.counts["failed"] or self.counts["error"])


_HINT = "Name a file in a folder that is there and yours."
#: Makes a report's bytes out of a run.
Writer = Callable[[BenchRun], bytes]


class ReportFiles:
    """Files that will be reports: proven to be writable before the first case is run."""

    def __init__(self, wanted: Mapping[Path, Writer]) -> None:
        self._wanted = wanted
        for path in wanted:
            _try_out(path)

    def write(self, run: BenchRun) -> None:
        """Write every report. Raises BadInput for the first that cannot be, and leaves none half."""
        for path, writer in self._wanted.items():
            write_whole(path, writer(run), title="The report ", hint=_HINT)


def _try_out(path: Path) -> None:
    if is_stream(path):
        try:
            check_stream(path)
        except OSError as error:
            raise _unwritable(path, error) from None
        return
    if path.is_dir():
        raise BadInput(f"The report {path} cannot be written: it is a folder.", "Name a file.")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    os.close(descriptor)
    Path(name).unlink()


def _unwritable(path: Path, error: OSError) -> BadInput:
    return BadInput(f"The report {path} cannot be written: {error.strerror}.", _HINT)

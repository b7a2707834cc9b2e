"""One finding: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from startline_host.errors import StartlineError

Verdict = Literal["good", "note", "bad"]


class DoctorFinding(msgspec.Struct, frozen=True):
    """`bad` is what a command would fail on, with `exit_code`; a `note` is worth knowing."""

    what: str
    verdict: Verdict
    text: str
    remedy: str = ""
    exit_code: int = 0


def good(what: str, text: str) -> DoctorFinding:
    """Return a finding that needs nothing."""
    return DoctorFinding(what, "good", text)


def note(what: str, text: str, remedy: str = "") -> DoctorFinding:
    """Return a finding that stands in nobody's way."""
    return DoctorFinding(what, "note", text, remedy)


def bad(what: str, error: StartlineError) -> DoctorFinding:
    """Return the finding that a command would end with."""
    return DoctorFinding(what, "bad", error.message, error.hint, error.exit_code)


def exit_code(findings: Iterable[DoctorFinding]) -> int:
    """Return the exit code of the first bad finding, 0 where there is none."""
    return next((finding.exit_code for finding in findings if finding.verdict == "bad"), 0)

"""One finding: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from startline_host.errors import StartlineError

Verdict = Literal["good", "note", "bad"]


class Finding(msgspec.Struct, frozen=True):
    """`bad` is what a command would fail on, with `exit_code`; a `note` is worth knowing."""

    what: str
    verdict: Verdict
    text: str
    remedy: str = ""
    exit_code: int = 0


def good(what: str, text: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(what, "good", text)


def note(what: str, text: str, remedy: str = "") -> Finding:
    """Return a finding that stands in nobody's way."""
    return Finding(what, "note", text, remedy)


def bad(what: str, error: StartlineError) -> Finding:
    """Return the finding that a command would end with."""
    return Finding(what, "bad", error.message, error.hint, error.exit_code)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return the exit code of the first bad finding, 0 where there is none."""
    return next((finding.exit_code for finding in findings if finding.verdict == "bad"), 0)

"""The log of a case that went wrong, as a file: its path stands beside the case on the terminal."""

from __future__ import annotations

import re
from pathlib import Path

import platformdirs

from startline_host.bench.scenarios.runner import CaseResult
from startline_host.bench.scenarios.transcript import log_lines
from startline_host.errors import StartlineError
from startline_host.util import write_whole


def write_case_log(result: CaseResult) -> Path | None:
    """Write what reader, cloud and bench did in a case that failed; return the file's path.

    None for a case that did not fail, and where no file can be written. A later run of the same
    case overwrites it.
    """
    if result.verdict not in {"failed", "error"}:
        return None
    name = re.sub(r"[^A-Za-z0-9.]+", "-", result.case.name).strip("-")
    path = platformdirs.user_cache_path("startline") / "bench" / f"{name}.log"
    text = "\n".join([result.case.name, result.reason, *log_lines(result.entries), ""])
    try:
        write_whole(path, text.encode(), mode=0o600)
    except StartlineError:
        return None
    return path

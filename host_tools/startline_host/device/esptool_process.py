"""esptool as a process: its arguments, its surroundings, its lines, and its end."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from startline_host.device.esptool_output import EsptoolOutput
from startline_host.device.temp_dirs import temp_dir
from startline_host.secrets import child_environment

_log = logging.getLogger(__name__)
#: What stands in for `python -m esptool`; it says why.
_RUNNER = Path(__file__).with_name("esptool_runner.py")


def run_esptool(
    arguments: list[str],
    limit: float,
    output: EsptoolOutput,
    report: Callable[[EsptoolOutput], None],
    *,
    passed: Sequence[int] = (),
) -> bool:
    """Run esptool, feed what it prints to `output`, and tell whether it succeeded.

    `report` is called after every line; after `limit` seconds esptool is ended. It inherits the
    open files `passed`.
    """
    command = [sys.executable, "-P", str(_RUNNER), *arguments]
    _log.debug("esptool %s", " ".join(arguments))
    with temp_dir() as folder:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for us to act on: a chip is not left half written by it.
            start_new_session=True,
            pass_fds=passed,
        )
        watchdog = threading.Timer(limit, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            for line in _lines(process):
                output.line(line)
                report(output)
            return process.wait() == 0
        finally:
            watchdog.cancel()
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Yield the process's lines; a carriage return ends one too (progress bars)."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    pending = b""
    while chunk := os.read(process.stdout.fileno(), 4096):
        *lines, pending = (pending + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            yield line.decode("utf-8", errors="replace")
    if pending:
        yield pending.decode("utf-8", errors="replace")


def _environment() -> dict[str, str]:
    """Return our environment without secrets, and without what would change esptool's ways."""
    kept = {
        name: value
        for name, value in child_environment().items()
        if not name.startswith(("ESPTOOL_", "ESPRESSIF_IDE"))
    }
    return kept | {
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        "TERM": "dumb",
    }

"""Loads a device by asking first and writing second: only what differs is written."""

from __future__ import annotations

import contextlib

from startline_host.device.port_session import PortSession
from startline_host.errors import StartlineError
from startline_host.flows.boot_session import load_in_boot_loader
from startline_host.flows.file_update import FileSystemBroken
from startline_host.flows.load_request import LoadReport, LoadRequest
from startline_host.flows.notices import Listener, ignore_notices
from startline_host.flows.prompt_session import load_at_prompt
from startline_host.flows.restart import restart


def load(line: PortSession, request: LoadRequest, listen: Listener = ignore_notices) -> LoadReport:
    """Bring the device to what the request says; afterwards it waits for `restart`.

    If a MicroPython with the right partition table answers, everything is asked and done at its
    prompt. Otherwise one boot-loader session reads, decides and writes. Raises WouldTouchBound
    for a device that must stay as it is and WrongDevice for another board's, both before
    anything is written and with the device running again.
    """
    recreate = request.recreate_files
    try:
        report = load_at_prompt(line, request, listen)
    except FileSystemBroken:
        recreate, report = True, None
    if report is not None:
        return report
    try:
        return load_in_boot_loader(line, request, listen, recreate_files=recreate)
    except (StartlineError, KeyboardInterrupt):
        with contextlib.suppress(StartlineError):
            if line.port().can_reset:
                restart(line)
        raise

"""The port: there, allowed, free, and what can be heard on it without disturbing the device."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.device.ports import process_holding
from startline_host.errors import NoSuchPort, StartlineError
from startline_host.flows.doctor.finding import DoctorFinding, bad, good, note
from startline_host.flows.doctor.line_noise import diagnose_line
from startline_host.util import Deadline

#: Programs that open every new serial port, and write to it, by themselves.
_MEDDLERS = {
    "ModemManager": "sudo systemctl mask --now ModemManager, or a udev rule with ID_MM_DEVICE_IGNORE",
    "brltty": "sudo apt remove brltty, if no Braille display is in use here",
}


def check_port(url: str, baud: int, seconds: float) -> Iterator[DoctorFinding]:
    """Look at a port and listen to it for so many seconds; no line is moved and nothing sent."""
    if "://" not in url and sys.platform != "win32":
        found = list(_examine_file(url))
        yield from found
        if any(finding.verdict == "bad" for finding in found):
            return
    yield from _meddlers(url)
    try:
        with PortSession(url, baud) as line:
            port = line.port()
            yield good("port", f"{url} can be opened, and nobody else has it.")
            yield _wires(port)
            yield from diagnose_line(_listen(port, seconds), seconds, baud)
    except StartlineError as error:
        yield bad("port", error)


def _examine_file(path: str) -> Iterator[DoctorFinding]:
    if not Path(path).exists():
        yield bad("port", NoSuchPort(f"There is no port {path}.", _plugged()))
        return
    yield _permission(path)
    user = process_holding(path)
    if user is not None:
        yield bad(
            "port owner",
            NoSuchPort(
                f"The port {path} is in use by {user}.", "Close what holds it (a serial monitor?)."
            ),
        )


def _plugged() -> str:
    from startline_host.device.ports import describe_ports

    return f"Is the cable one with data wires? {describe_ports()}"


def _permission(path: str) -> DoctorFinding:
    try:
        group = Path(path).group()
    except KeyError:
        group = str(Path(path).stat().st_gid)
    if os.access(path, os.R_OK | os.W_OK):
        return good("permission", f"You may use {path} (its group is {group}).")
    if group in _groups_by_name():
        remedy = f"You are in the group {group} since your last login: log out and in again."
    else:
        remedy = f"sudo usermod -a -G {group} $USER, then log out and in again."
    return bad("permission", NoSuchPort(f"You may not use the port {path}.", remedy))


def _groups_by_name() -> set[str]:
    """Return the groups that the system's files name for this user, logged in anew or not."""
    import grp
    import pwd

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return set()
    return {group.gr_name for group in grp.getgrall() if user in group.gr_mem}


def _meddlers(url: str) -> Iterator[DoctorFinding]:
    if "://" in url:
        return
    running = set()
    for file in Path("/proc").glob("[0-9]*/comm"):
        try:
            running.add(file.read_text(encoding="utf-8", errors="replace").strip())
        except OSError:
            continue  # It ended meanwhile.
    for name in sorted(running & _MEDDLERS.keys()):
        yield note(
            "port owner",
            f"{name} runs here: it opens new serial ports and sends bytes to them.",
            _MEDDLERS[name],
        )


def _wires(port: Port) -> DoctorFinding:
    if port.can_reset:
        return good("reset wires", "DTR and RTS are there: the chip can be restarted and loaded.")
    return note(
        "reset wires",
        "This kind of port has no DTR and RTS: what runs can be asked, but no boot loader reached.",
        "To load a blank chip: its own USB port, or hold BOOT and press RESET when told to.",
    )


def _listen(port: Port, seconds: float) -> bytes:
    heard = bytearray()
    deadline = Deadline(seconds)
    while not deadline.expired:
        heard += port.read(deadline.at_most(0.25).remaining)
    return bytes(heard)

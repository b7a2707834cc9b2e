"""Runs esptool as its own program, on a pyserial that is quick over RFC 2217.

This file is executed by path, in esptool's process, and knows nothing of either package's inside
but one method. Reason: esptool sets a timeout around every command, and pyserial 3.5 answers any
change of a timeout by negotiating baud rate, data size, parity and stop bits with the server
anew, with a sleep at each. A session of hundreds of commands then takes minutes. What else it
sleeps over is the business of `rfc2217_pace.py`, which is executed by path as well.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

from serial import rfc2217

_NEGOTIATED = ("_baudrate", "_bytesize", "_parity", "_stopbits", "_rtscts", "_xonxoff")


def negotiate_only_changes() -> None:
    """Let an RFC 2217 port skip a negotiation that would change nothing at the server."""
    negotiate = rfc2217.Serial._reconfigure_port  # noqa: SLF001 - there is no other door
    settled: dict[int, tuple[Any, ...]] = {}

    def reconfigure(port: Any) -> None:
        wanted = (port._socket, *(getattr(port, name) for name in _NEGOTIATED))  # noqa: SLF001
        # A timeout for writing is refused in there, and esptool waits for the refusal.
        if port._write_timeout is not None or settled.get(id(port)) != wanted:  # noqa: SLF001
            negotiate(port)
            settled[id(port)] = wanted

    rfc2217.Serial._reconfigure_port = reconfigure  # noqa: SLF001


def remove_close_delay(arguments: list[str]) -> None:
    """Take the sleeps out of the port that the arguments name."""
    pace = runpy.run_path(str(Path(__file__).with_name("rfc2217_pace.py")))
    if "--port" in arguments:
        pace["skip_close_delay"](arguments[arguments.index("--port") + 1])


if __name__ == "__main__":
    negotiate_only_changes()
    remove_close_delay(sys.argv)
    sys.argv[0] = "esptool"
    runpy.run_module("esptool", run_name="__main__")

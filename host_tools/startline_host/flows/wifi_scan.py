"""What a device that did not get onto its Wi-Fi sees of it: the difference between two names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import msgspec

from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.errors import StartlineError
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.flows.notices import Listener, Step
from startline_host.flows.take_prompt import take_prompt
from startline_host.util import device_text

#: Seconds to get the prompt, and for a scan: all channels take a chip 2.4 to 5 s.
_PROMPT, _SCAN = 8.0, 20.0
_MOST = 6

_CODE = """
def _networks():
    import network
    radio = network.WLAN(network.STA_IF)
    radio.active(True)
    try:
        radio.disconnect()
    except OSError:
        pass
    return [(bytes(one[0]), one[3]) for one in radio.scan()]
"""


def with_networks(
    outcome: FirstBootOutcome,
    ssid: str,
    scan: Callable[[], Sequence[tuple[bytes, int]]],
    listen: Listener,
) -> FirstBootOutcome:
    """Return how a boot ended; where it did not get onto that Wi-Fi, with what the device sees.

    `scan` asks it: see `scan_networks` and `scan_after_boot`. Nothing is said of what it sees where
    it does not answer.
    """
    if outcome.bound or outcome.failed_step != "link" or not ssid:
        return outcome
    networks = ""
    if outcome.failed_reason == "no_such_network":
        listen(Step("Asking the device which networks it sees"))
        with contextlib.suppress(StartlineError, OSError, DeviceRaised):
            networks = _words(scan(), ssid)
    return msgspec.structs.replace(outcome, ssid=ssid, networks=networks)


def scan_networks(repl: Repl) -> list[tuple[bytes, int]]:
    """Return name and signal (dBm) of each network that a device at its prompt sees."""
    repl.define(_CODE)
    return list(repl.value("_networks()", _SCAN))


def scan_after_boot(line: PortSession, listen: Listener) -> list[tuple[bytes, int]]:
    """Do the same to a device that runs: it is stopped for it, and restarts. Raises DeviceSilent."""
    repl = take_prompt(line, _PROMPT, listen)
    seen = scan_networks(repl)
    repl.restart()
    return seen


def _words(seen: Sequence[tuple[bytes, int]], wanted: str) -> str:
    """Say which networks there are, the strongest first."""
    strongest: dict[bytes, int] = {}
    for name, signal in seen:
        strongest[name] = max(signal, strongest.get(name, signal))
    if wanted.encode() in strongest:
        return f" It sees it now, at {strongest[wanted.encode()]} dBm: too late, or too weak."
    if not strongest:
        return " It sees no network at all."
    names = sorted(strongest, key=lambda name: -strongest[name])
    shown = ", ".join(
        f"{device_text(name)!r} ({strongest[name]} dBm)" if name else "one that hides its name"
        for name in names[:_MOST]
    )
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f" It sees {shown}{more}."

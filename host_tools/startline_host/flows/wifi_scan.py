"""What a device that did not get onto its Wi-Fi sees of it: the difference between two names."""

from __future__ import annotations

from startline_host.device.port_session import PortSession
from startline_host.device.repl import Repl
from startline_host.errors import NetworkFailed, StartlineError
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.flows.notices import Listener, Step
from startline_host.flows.take_prompt import take_prompt
from startline_host.formats.factory_partition import DeviceSettings
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


def explained(
    line: PortSession,
    settings: DeviceSettings,
    outcome: FirstBootOutcome,
    failure: StartlineError,
    listen: Listener,
) -> StartlineError:
    """Return what a first boot failed with; of a Wi-Fi also its name, and what the device sees.

    The device is asked at its prompt, and runs on from its start. One that gives up no prompt, or
    does not scan, is left as it is.
    """
    net = settings.net
    if outcome.failed_step != "link" or net is None or net.link != "wifi":
        return failure
    named = failure.message.replace("its network", f"the Wi-Fi {net.ssid!r}")
    seen = ""
    if outcome.failed_reason == "no_such_network":
        try:
            listen(Step("Asking the device which networks it sees"))
            repl = take_prompt(line, _PROMPT, listen)
            seen = _words(_scan(repl), net.ssid)
            repl.restart()
        except (StartlineError, OSError):
            seen = ""
    return NetworkFailed(named + seen, failure.hint)


def _scan(repl: Repl) -> list[tuple[bytes, int]]:
    repl.define(_CODE)
    return list(repl.value("_networks()", _SCAN))


def _words(seen: list[tuple[bytes, int]], wanted: str) -> str:
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

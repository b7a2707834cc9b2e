"""What a file for `--world` may hold: every key, its type, and what it means.

The runtime is what reads them; a test holds the two together.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class WorldKey(NamedTuple):
    """One key: its type, what counts without it (as JSON), and its meaning."""

    type: str
    default: str
    meaning: str


WORLD_KEYS = MappingProxyType(
    {
        "access_points": WorldKey(
            "object: name to access point",
            '{"bench": {"password": "bench-wifi"}}',
            "The Wi-Fi networks in reach. A byte of a name or password that is not UTF-8 is "
            'written as a surrogate escape: `"caf\\udce9"`.',
        ),
        "link_fault": WorldKey('`"down"` or null', "null", "The access point is out of reach."),
        "dns": WorldKey(
            "object: name to address",
            "{}",
            "IPv4 addresses of names, in any case. A list gives the next address at each lookup; "
            "null means that there is no such name. `localhost` is always known.",
        ),
        "dns_fault": WorldKey(
            '`"fail"`, `"stall"` or null', "null", "Lookups fail at once, or after a while."
        ),
        "dns_stall_ms": WorldKey("number", "10000", "How long a stalled lookup takes, in ms."),
        "ports": WorldKey(
            "object: port to port",
            "{}",
            'Where on loopback a server really listens: `{"123": 40123, "127.0.0.2:123": 40124}`.',
        ),
        "ntp": WorldKey(
            "object: server to seconds",
            '{"*": 0}',
            "For the firmware's `ntptime`: by how much a time server is off, null for one that "
            'never answers. `"*"` stands for all others.',
        ),
        "clock": WorldKey("text: a date", '"2000-01-01"', "What the clock shows after power-on."),
        "pins": WorldKey(
            "object: pin to 0 or 1", "{}", "Levels that something outside the chip puts on pins."
        ),
    }
)

#: The keys of one access point.
ACCESS_POINT_KEYS = MappingProxyType(
    {
        "password": WorldKey("text", '""', "Its password; without one the network is open."),
        "delay_ms": WorldKey("number", "100", "How long a join takes, in ms."),
        "after_ms": WorldKey(
            "number", "0", "How long after the chip's start it is on the air, in ms."
        ),
        "fault": WorldKey(
            '`"no_address"`, `"no_traffic"` or null',
            "null",
            "It gives no address, or an address and no traffic.",
        ),
    }
)

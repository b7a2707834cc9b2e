"""What is around the chip: access points, names, time servers, and what is wrong with them.

The world is a JSON object, read anew at each use, so that a test changes it while the chip runs. Every
key may be missing; `virtual/world_keys.py` says what each means.
"""

from . import clock

_BENCH = {"bench": {"password": "bench-wifi"}}


def is_loopback(address: str) -> bool:
    """Tell whether a dotted IPv4 address is one that the chip may really connect to."""
    return address.startswith("127.")


def is_dotted(host: str) -> bool:
    """Tell whether a host is an IPv4 address rather than a name."""
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


def raw_bytes(text: str) -> bytes:
    """Return the bytes that a text of the world stands for.

    A byte that is no UTF-8 is a lone surrogate of U+DC80 to U+DCFF, as Python's `surrogateescape`
    writes it; JSON's pairs of surrogates are the character that they are for.
    """
    out = bytearray()
    high = 0
    for code in [ord(char) for char in text]:
        if high and 0xDC00 <= code < 0xE000:
            out += chr(0x10000 + (high - 0xD800 << 10) + code - 0xDC00).encode()
            high = 0
            continue
        high = code if 0xD800 <= code < 0xDC00 else 0
        if 0xDC80 <= code < 0xDD00:
            out.append(code - 0xDC00)
        elif not high:
            out += chr(code).encode()
    return bytes(out)


class RuntimeWorld:
    """The world that `load()` returns, a dict."""

    def __init__(self, load=dict) -> None:
        self._load = load
        self._lookups = 0

    def access_points(self) -> dict:
        """Return the access points in reach by their names' bytes."""
        known = self._load().get("access_points", _BENCH)
        return {raw_bytes(name): point for name, point in known.items()}

    def link_is_down(self) -> bool:
        """Tell whether the link was cut."""
        return self._load().get("link_fault") == "down"

    def dns_fault(self) -> tuple:
        """Return the fault of name resolution (or None) and its length in milliseconds."""
        now = self._load()
        return now.get("dns_fault"), now.get("dns_stall_ms", 10_000)

    def resolve(self, host: str) -> str | None:
        """Return the IPv4 address of a host, None when it does not resolve."""
        host = host.lower()
        for name, address in self._load().get("dns", {}).items():
            if name.lower() == host:
                return self._next_of(address) if isinstance(address, list) else address
        if is_dotted(host):
            return host
        if host == "localhost" or host.endswith(".localhost"):
            return "127.0.0.1"
        return None

    def real_port(self, address: str, port: int) -> int:
        """Return the port at which a server of the world really listens."""
        ports = self._load().get("ports", {})
        return ports.get("%s:%d" % (address, port), ports.get(str(port), port))

    def _next_of(self, addresses: list) -> str | None:
        self._lookups += 1
        return addresses[(self._lookups - 1) % len(addresses)] if addresses else None

    def ntp_offset(self, server: str) -> float | None:
        """Return a time server's offset from the host's clock in seconds, None for no answer."""
        servers = self._load().get("ntp", {"*": 0})
        for name, offset in servers.items():
            if name.lower() == server.lower():
                return offset
        return servers.get("*")

    def power_on_us(self) -> int:
        """Return what the clock shows after power-on, in microseconds since 2000."""
        return clock.from_text(self._load().get("clock", "2000-01-01"))

    def input_level(self, pin: int) -> int | None:
        """Return the level that something outside puts on a pin, None when nothing does."""
        return self._load().get("pins", {}).get(str(pin))

"""Addresses of an interface, as `WLAN.ifconfig`, `WLAN.ipconfig` and `network.ipconfig` tell them."""

from ..world import is_dotted as _is_dotted

_ADDRESS = "10.0.0.2"
_ROUTER = "10.0.0.1"
_NETMASK = "255.255.255.0"
_NONE = "0.0.0.0"


class _Dns:
    """The name server that a program set, for all interfaces."""

    address = None


def dns(is_up: bool) -> str:
    """Return the name server."""
    return _Dns.address or (_ROUTER if is_up else _NONE)


def set_dns(address: str) -> None:
    """Set the name server. Raises ValueError."""
    if not _is_dotted(address):
        raise ValueError("invalid arguments as dns server")
    _Dns.address = address


class IpAddresses:
    """What DHCP gives while `is_up()`, or what a program set in its place."""

    def __init__(self, is_station: bool, is_up) -> None:
        self._is_station = is_station
        self._is_up = is_up
        # An access point is its own router, and gives addresses itself.
        self._static = None if is_station else ["192.168.4.1", _NETMASK, "192.168.4.1"]

    def tell(self) -> tuple:
        """Return (address, netmask, gateway, DNS server)."""
        is_up = self._is_up()
        if self._static:
            return tuple(self._static + [dns(is_up)])  # noqa: RUF005 - MicroPython has no [*a]
        return (_ADDRESS, _NETMASK, _ROUTER, dns(True)) if is_up else (_NONE,) * 4

    def set(self, settings) -> None:
        """Set all four of a tuple, or "dhcp". Raises ValueError."""
        if isinstance(settings, str):
            if settings != "dhcp" or not self._is_station:
                raise ValueError("invalid arguments")
            self._static = None
            return
        if len(settings) != 4:
            raise ValueError("requested length 4 but object has length %d" % len(settings))
        address, mask, router, server = settings
        mask = _mask(mask) if isinstance(mask, int) else mask
        self._static = [_address(address), _address(mask), _address(router)]
        set_dns(server)

    def get(self, name: str):
        """Return one of "addr4" (address, netmask), "gw4", "dhcp4". Raises ValueError."""
        address, netmask, router, _ = self.tell()
        if name == "addr4":
            return address, netmask
        if name == "gw4":
            return router
        if name == "dhcp4" and self._is_station:
            return self._static is None
        raise ValueError("unexpected key")

    def put(self, name: str, value) -> None:
        """Set one of them; an address as (address, netmask) or "address/bits". Raises ValueError."""
        now = list(self._static or self.tell()[:3])
        if name == "dhcp4" and self._is_station:
            self._static = None if value else now
            return
        if name == "addr4" and value is not None:
            if isinstance(value, str):
                address, _, bits = value.partition("/")
                value = (address, _mask(int(bits)) if bits else now[1])
            now[0], now[1] = _address(value[0]), _address(value[1])
        elif name == "gw4":
            now[2] = _address(value)
        elif name != "addr4":
            raise ValueError("unexpected key")
        self._static = now


def _address(text: str) -> str:
    if not _is_dotted(text):
        raise ValueError("invalid arguments")
    return text


def _mask(bits: int) -> str:
    value = 0xFFFFFFFF << (32 - bits) & 0xFFFFFFFF
    return ".".join(str(byte) for byte in value.to_bytes(4, "big"))

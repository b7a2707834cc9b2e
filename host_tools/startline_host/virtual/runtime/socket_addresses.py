"""Addresses of sockets: what a program gives as one, and the computer's own form of it."""

import socket as _real

from . import socket_errors as _errors
from .buffers import c_int as _c_int
from .buffers import c_items as _c_items
from .buffers import c_text as _c_text
from .chip import current as _current
from .world import is_dotted as _is_dotted


def resolve(host, sleep_ms) -> str:
    """Return a host's address. Raises OSError(-202), after a while when the world stalls."""
    host = _c_text(host).decode()
    if _is_dotted(host):
        return host
    chip = _current()
    fault, stall_ms = chip.world.dns_fault()
    if fault == "stall":
        sleep_ms(stall_ms)
    address = chip.world.resolve(host)
    if fault or not address or not chip.station.traffic_passes():
        raise _errors.OSError(_errors.NO_NAME)
    return address


def port(given) -> int:
    """Return a port, given as a number or as its text. Raises OSError(-201) for what is none."""
    if not isinstance(given, int):
        given = _c_text(given)
    try:
        number = int(given)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF:
        raise _errors.OSError(_errors.NO_SERVICE)
    return number


def address(given, sleep_ms) -> tuple:
    """Return (address, port) of what a program gives as such, its name resolved."""
    host, number = _c_items(given, 2)
    return resolve(host or "0.0.0.0", sleep_ms), port(number)


def dotted(given) -> tuple:
    """Return (address, port) of a pair that is no name. Raises TypeError, ValueError."""
    host, number = _c_items(given, 2)
    host = _c_text(host).decode()
    if not _is_dotted(host or "0.0.0.0"):
        raise ValueError("invalid arguments")
    return host or "0.0.0.0", _c_int(number) & 0xFFFF


def pack(host: str, number: int):
    """Return what the computer's calls take."""
    return _real.getaddrinfo(host, number)[0][-1]


def unpack(packed) -> tuple:
    """Return (address, port) of what the computer's calls give."""
    _, host, number = _real.sockaddr(packed)
    return ".".join(str(part) for part in host), number

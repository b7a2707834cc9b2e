"""Arguments of `socket`, as the port checks them (ports/esp32/modsocket.c)."""

from .buffers import c_int
from .socket_errors import EINVAL, OSError

_STREAM = 1
_DATAGRAM = 2
_RAW = 3


def refuse_names(names: dict) -> None:
    """Raise TypeError where keyword arguments are given."""
    if names:
        raise TypeError("function doesn't take keyword arguments")


def kind_of(numbers: tuple) -> int:
    """Return the type among (family, type, protocol), which are whole numbers.

    Raises OSError(22) for a type that is none.
    """
    if len(numbers) > 3:
        raise TypeError("function expected at most 3 arguments, got %d" % len(numbers))
    numbers = [c_int(number) for number in numbers]
    kind = numbers[1] if len(numbers) > 1 else _STREAM
    if kind not in (_STREAM, _DATAGRAM, _RAW):
        raise OSError(EINVAL)
    return kind

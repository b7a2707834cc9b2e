"""`esp`: the few functions that boot scripts call."""

from ..chip import current as _current


def osdebug(*levels) -> None:
    """Do nothing: the IDF's log is not imitated."""


def flash_size() -> int:
    """Return the size of the flash in bytes."""
    return _current().flash.size


def flash_read(offset: int, buffer) -> None:
    """Fill `buffer` from an absolute offset."""
    buffer[:] = _current().flash.read(offset, len(buffer))


def flash_write(offset: int, data) -> None:
    """Program bytes at an absolute offset, without erasing."""
    _current().flash.program(offset, bytes(data))


def flash_erase(sector: int) -> None:
    """Erase one sector of 4096 bytes."""
    _current().flash.erase(sector * 4096, 4096)

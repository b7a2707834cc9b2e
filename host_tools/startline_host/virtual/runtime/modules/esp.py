"""`esp`: the few functions that boot scripts call."""

from ..buffers import byte_view as _byte_view
from ..buffers import c_int as _c_int
from ..buffers import writable_view as _writable_view
from ..chip import current as _current
from .not_imitated import add_to as _add_to

LOG_NONE = 0
LOG_ERROR = 1
LOG_WARNING = 2
LOG_INFO = 3
LOG_DEBUG = 4
LOG_VERBOSE = 5


def osdebug(*levels) -> None:
    """Do nothing: the IDF's log is not imitated."""


def flash_size() -> int:
    """Return the size of the flash in bytes."""
    return _current().flash.size


def flash_read(offset: int, buffer) -> None:
    """Fill `buffer` from an absolute offset."""
    view = _writable_view(buffer)
    view[:] = _current().flash.read(_c_int(offset), len(view))


def flash_write(offset: int, data) -> None:
    """Program bytes at an absolute offset, without erasing."""
    _current().flash.program(_c_int(offset), bytes(_byte_view(data)))


def flash_erase(sector: int) -> None:
    """Erase one sector of 4096 bytes."""
    _current().flash.erase(_c_int(sector) * 4096, 4096)


def flash_user_start() -> int:
    """Return where the file system of early firmware began."""
    return 0x200000


_add_to(globals(), "esp", ("gpio_matrix_in", "gpio_matrix_out"))

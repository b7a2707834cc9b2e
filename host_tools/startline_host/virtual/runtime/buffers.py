"""Arguments as C code sees them: buffers of bytes, texts, numbers and rows of them."""

import uctypes

_WORD = 1 << 32


def byte_view(buffer):
    """Return a memoryview of a buffer's bytes; writing to it writes to the buffer.

    The buffer must outlive it. Raises TypeError for what is no buffer.
    """
    if isinstance(buffer, (bytes, bytearray)):
        return memoryview(buffer)
    if isinstance(buffer, str):
        return memoryview(buffer.encode())
    size = len(bytes(memoryview(buffer)))
    return memoryview(uctypes.bytearray_at(uctypes.addressof(buffer), size))


def writable_view(buffer):
    """Return what `byte_view` does for a buffer that is to be filled.

    Raises TypeError for one that can only be read, also when it is empty.
    """
    try:
        if isinstance(buffer, memoryview):
            buffer[0:0] = buffer[0:0]  # refused by a view of what can only be read
        if not isinstance(buffer, (bytes, str)):
            return byte_view(buffer)
    except TypeError:
        pass
    raise TypeError("object with buffer protocol required")


def c_text(value) -> bytes:
    """Return what C code takes for a text: of a str or of bytes, up to a zero byte.

    Raises TypeError for anything else.
    """
    return text_data(value).split(b"\0")[0]


def text_data(value) -> bytes:
    """Return all bytes of a str or of bytes. Raises TypeError for anything else."""
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes):
        raise TypeError("can't convert '%s' object to str implicitly" % type(value).__name__)
    return value


def c_int(value) -> int:
    """Return what C code takes for a whole number of 32 bits: of an int or a bool.

    Raises TypeError for anything else, OverflowError for more bits.
    """
    value = c_wide_int(value)
    if not -_WORD // 2 <= value < _WORD // 2:
        raise OverflowError("overflow converting long int to machine word")
    return value


def c_float(value):
    """Return what C code takes for a number with a point. Raises TypeError for what is no number."""
    if not isinstance(value, (int, float, bool)):
        raise TypeError("can't convert %s to float" % type(value).__name__)
    return value


def c_items(value, count=None):
    """Return a tuple or a list, of `count` items if that is given. Raises TypeError, ValueError."""
    if not isinstance(value, (tuple, list)):
        raise TypeError("object '%s' isn't a tuple or list" % type(value).__name__)
    if count is not None and len(value) != count:
        raise ValueError("requested length %d but object has length %d" % (count, len(value)))
    return value


def c_wide_int(value) -> int:
    """Return what C code takes for a whole number of any width. Raises TypeError as `c_int` does."""
    if not isinstance(value, (int, bool)):
        raise TypeError("can't convert %s to int" % type(value).__name__)
    return int(value)

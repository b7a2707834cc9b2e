"""Arguments as C code sees them: buffers of bytes, texts and whole numbers."""

import uctypes


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


def c_text(value) -> bytes:
    """Return what C code takes for a text: of a str or of bytes, up to a zero byte.

    Raises TypeError for anything else.
    """
    if isinstance(value, str):
        value = value.encode()
    elif not isinstance(value, bytes):
        raise TypeError("can't convert '%s' object to str implicitly" % type(value).__name__)
    return value.split(b"\0")[0]


def c_int(value) -> int:
    """Return what C code takes for a whole number: an int or a bool, which is no int here.

    Raises TypeError for anything else.
    """
    if not isinstance(value, (int, bool)):
        raise TypeError("can't convert %s to int" % type(value).__name__)
    return int(value)

"""Console events, for whoever reads them: one JSON object a line with a CRC-32 (RFC 7464).

`RS {"ev":name,"n":number,"ms":milliseconds since boot,...,"crc":"8 hex"} LF`, ASCII only, at most
1 KiB. The CRC is taken over the text from `{` up to and without `,"crc"`.
"""

import binascii
import json

from .console import encode as encode  # noqa: PLC0414 - one of this module's names


def decode(line: bytes) -> "dict | None":
    """Return what an event says, or None for a line that is no intact event.

    Whatever stands before the last RS, or after the closing brace as white space, is ignored.
    """
    raw, _, crc = line[line.rfind(b"\x1e") + 1 :].rstrip().rpartition(b',"crc":"')
    if crc != b'%08x"}' % binascii.crc32(raw):
        return None
    try:
        return json.loads(raw + b"}")
    except ValueError:
        return None


def escaped(text: str) -> str:
    """Return JSON text with every character beyond ASCII as its escape."""
    out = ""
    for char in text:
        code = ord(char)
        if code > 0xFFFF:  # such a character is two halves
            code -= 0x10000
            out += "\\u%04x" % (0xD800 | code >> 10)
            code = 0xDC00 | code & 0x3FF
        out += char if code < 0x80 else "\\u%04x" % code
    return out

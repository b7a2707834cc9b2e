"""Console events, for the host, which reads them: one JSON object a line with a CRC-32 (RFC 7464).

`RS {"ev":name,"n":number,"ms":milliseconds since boot,...,"crc":"8 hex"} LF`, ASCII only, at most
1 KiB. The CRC is taken over the text from `{` up to and without `,"crc"`.
"""

import binascii
import json

from .hal import encode as encode  # noqa: PLC0414 - one of this module's names

if False:  # for mypy; a device has none of these
    from typing import Any


def decode(line: bytes) -> "dict[str, Any] | None":
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

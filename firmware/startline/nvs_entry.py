"""How the record's entries in `nvs` are told from others: names, types, and an entry's own CRC.

Source: ESP-IDF programming guide, "Non-Volatile Storage Library".
"""

from binascii import crc32
from struct import unpack_from

SPACE = b"startline" + bytes(7)  # the namespace and the key, as entries hold them
KEY = b"record" + bytes(10)
CHUNK = 0x42  # types of entries: some of a blob's bytes, and, written last, what they make up
INDEX = 0x48
PIECE = 1344  # bytes of entries that are read at a time: a third of a page


def whole(head: bytes) -> bool:
    """Tell whether the first 32 bytes of an entry have the CRC that they say."""
    return crc32(head[:4] + head[8:32], -1) == unpack_from("<I", head, 4)[0]

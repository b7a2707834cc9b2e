"""The frames of a usual UHF module: 0xBB, type, command, length u16, parameters, checksum, 0x7E.

A tag's parameters are RSSI i8, PC u16, EPC and the tag's own CRC-16 of PC and EPC (EPC Gen2). After a
UART overflow two frames may be one: then an 8-bit checksum alone takes a tag that never was.
"""

from binascii import hexlify

TAG, LONGEST = b"\xbb\x02\x22\x00", 67  # a tag's frame begins so; parameters of a 62-byte EPC


def residue(data):
    """Return the remainder of the tag's CRC-16: 0x1D0F if `data` ends with its right CRC."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8 | crc << 8) & 0xFFFF ^ byte
        crc ^= (crc & 0xFF) >> 4
        crc ^= crc << 12 & 0xFFFF
        crc ^= (crc & 0xFF) << 5
    return crc


def split(raw):
    """Return (EPC, RSSI in dBm) of each intact tag's frame, and what may yet become one."""
    tags, at, rest = [], raw.find(b"\xbb"), len(raw)
    while at >= 0:
        after = at + 1  # a good frame may begin within a bad one
        end = at + 7 + (raw[at + 4] if at + 4 < len(raw) else LONGEST)
        if TAG.startswith(raw[at : at + 4]) and 14 <= end - at <= LONGEST + 7:
            if end > len(raw):
                rest = min(rest, at)
            elif (
                raw[end - 1] == 0x7E
                and sum(raw[at + 1 : end - 2]) & 0xFF == raw[end - 2]
                and residue(raw[at + 6 : end - 2]) == 0x1D0F
            ):
                rssi = raw[at + 5] - (raw[at + 5] >> 7 << 8)
                tags.append((hexlify(raw[at + 8 : end - 4]).decode().upper(), rssi))
                after, rest = end, len(raw)
        at = raw.find(b"\xbb", after)
    return tags, raw[rest:]

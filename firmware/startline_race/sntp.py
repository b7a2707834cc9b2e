"""One question to a time server: SNTP version 4 (RFC 4330 and 5905), in microseconds.

A packet is 48 bytes: leap indicator, version and mode u8, stratum u8, poll u8, precision u8, root
delay and root dispersion (16.16 bits of a second), reference id (4), and four times (32.32 bits
since 1900): of reference, of origin, of receipt, of sending.
"""

from struct import pack, unpack_from

_FROM_1900 = 2208988800  # seconds from 1900 to 1970
_ERA = 1 << 32  # seconds; the next era begins in 2036
_EARLIEST = 1577836800  # 2020-01-01
_LATEST = 3029529600  # 2066-01-01
_MOST_ROOT_US = 2000000  # of delay or dispersion: more is no server to go by


def question(nonce: bytes) -> bytes:
    """Return the packet that asks; `nonce`, 8 random bytes, is what the answer has to repeat.

    It stands for the time of sending, which nobody needs to know.
    """
    return pack(">B", 0x23) + bytes(39) + nonce


def read(packet, nonce: bytes, sent: int, received: int) -> "tuple | str":
    """Return (least, most) that UTC is ahead of our clock, in microseconds, or why not.

    `sent` and `received` are our clock's microseconds. UTC - ours is at least the server's time of
    sending less ours of receipt, and at most its time of receipt less ours of sending: each way
    takes some time, and none takes less than no time. Reasons are "replayed", "kiss RATE" and its
    like, "unsynchronised", "absurd".
    """
    if len(packet) < 48 or packet[0] & 7 != 4 or not 3 <= packet[0] >> 3 & 7 <= 4:
        return "absurd"
    if bytes(packet[24:32]) != nonce:
        return "replayed"
    stratum = packet[1]
    if not stratum:
        return "kiss " + "".join([chr(code) for code in packet[12:16] if 64 < code < 91])
    if packet[0] >> 6 == 3 or stratum > 15:
        return "unsynchronised"
    delay, dispersion = unpack_from(">iI", packet, 4)
    root = (abs(delay) * 500000 >> 16) + (dispersion * 1000000 >> 16)
    came, left = _unix_us(packet, 32), _unix_us(packet, 40)
    if not came or not left or not 0 <= left - came <= received - sent or root > _MOST_ROOT_US:
        return "absurd"
    return left - received - root, came - sent + root


def _unix_us(packet, at: int) -> int:
    """Return a time of a packet as Unix time in microseconds; 0 for none, or an absurd one."""
    seconds, fraction = unpack_from(">II", packet, at)
    unix = seconds - _FROM_1900
    if unix < _EARLIEST:
        unix += _ERA
    if not seconds or not _EARLIEST <= unix <= _LATEST:
        return 0
    return unix * 1000000 + (fraction * 1000000 >> 32)


def agree(bounds: list) -> "tuple | None":
    """Return the (least, most) that more than half of several bounds have in common, or None.

    It is what they all say that say it, so the more agree the narrower it is (Marzullo 1984).
    """
    best = None
    most = len(bounds) // 2
    for low, _ in bounds:
        together = [one for one in bounds if one[0] <= low <= one[1]]
        if len(together) > most:
            most = len(together)
            best = (max([one[0] for one in together]), min([one[1] for one in together]))
    return best

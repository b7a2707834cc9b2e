"""The bytes of the race journal, for both ends: sectors of 4 KiB and the entries in them.

A sector begins with a header of 32 bytes, little-endian: magic `SLrj`, format u8 (1), header
length u8, boot id u16, sequence number u32 (one more for each sector of the ring, so that it also
tells how many were skipped), number of the first passing that may follow u32, owner (8 bytes of
SHA-256 over serial number, a zero byte and MAC), where the entries that the sector was begun with
end u32 (inverted: all bits set for not told), CRC-32 over all before.

Entries follow, each aligned to 4 bytes: kind u8, payload length u8, payload, zeros up to the next
multiple of 4, CRC-32 over all before. Flash that was never programmed reads 0xFF, which is no
kind. An entry that was torn by a power cut has no valid CRC; readers step on by 4 bytes until one
has, so what follows it is never lost.
"""

from binascii import crc32
from struct import calcsize, pack, pack_into, unpack_from

if False:  # for mypy; a device has none of these
    from collections.abc import Iterator

    from agent_types import Buffer, Bytes
    from startline_online.timekeeper import Point

SECTOR = 4096
MAGIC = b"SLrj"
FORMAT = 1
HEADER = "<4sBBHII8sI"
HEADER_SIZE = 32
_BEGUN_AT = 24
LONGEST_PAYLOAD = 240
_SHORTEST_PASSING = 15

# Kinds of entries; their payloads are described beside the functions that pack them. A reader
# steps over the kinds that it does not know.
PASSING = 1
BOOT = 2  # of this boot: its id u16, why it began u8 (1: power-on)
TIME = 3  # a time point, `TIME_POINT`
SESSION = 4  # a session as it stands from now on, `Session`
FROZEN = 5  # passings below u32 are about to be sent: their times do not change any more
SENT = 6  # passings below u32 are at the cloud: stored u8, known there before u8
MARKER = 7  # a moment that is no passing, such as a gun: boot u16, time u48, text
AMENDED = 8  # a stronger sighting of a passing: number u32, time u48, antenna u8, RSSI i8, hits u8
PROGRESS = 9  # how things stand where a sector begins, `PROGRESS_FORMAT`
ASIDE = 10  # passings u32 to u32 are not sent, why u8 (REFUSED ...), HTTP status u16
MAP = 11  # a `time_map.TimeMap`: for all passings of its boot that are frozen from now on
END = 12  # session u16 was closed by the reader's program before passing u32
RELEASED = 14  # passings u32 to u32, which were set aside, need not be kept any more
UNSURE = 13  # passings u32 up to below u32 may be at the cloud: no counted answer came
THERE = 15  # passings u32 to u32 were seen in a session that somebody else has closed since

NO_PROGRESS = (PASSING, BOOT, TIME, MARKER)  # those that say nothing of how far passings are

AMENDED_FORMAT = "<IIHBbB"
LONGEST_DEAD_US = 60 * 1000000  # for so long a passing may be amended by a stronger sighting

# Boot id u16, time since that boot in us u48 (low u32, high u16), then Unix time in us u64, its
# error in us u32, source u8 (index in `timekeeper.SOURCES`).
TIME_POINT = "<HIHQIB"

# The next number u32, the first passing that is not done with u32, the first that is not frozen
# u32, flags u8 (1: the frozen ones may have been sent, 2: there are AMENDED entries), then counts u32 of passings that the cloud
# stored, that it knew before, that had no counted answer, of numbers that are missing, and of
# sessions that may have been left empty. Behind it come the entries that it takes
# to say the rest: sessions, ASIDE, THERE, MAP.
PROGRESS_FORMAT = "<IIIBIIIII"

ASIDE_FORMAT = "<IIBH"
REFUSED, UNDATED, UNCOUNTED, TOO_LARGE = range(4)  # why passings are set aside

WANTED, ASKED, OPEN, CLOSING, CLOSED = range(5)
SESSION_STATES = ("wanted", "asked", "open", "closing", "closed")
_SESSION = "<HBBII4sB"
LONGEST_ALIAS = 60


class NewerFormat(Exception):
    """A journal that a later agent has written; it is left alone."""


def pack_header(
    boot: int, sequence: int, first_number: int, owner: bytes, begun: int = 0
) -> bytes:
    """Return the header of a sector."""
    raw = pack(
        HEADER,
        MAGIC,
        FORMAT,
        HEADER_SIZE,
        boot & 0xFFFF,
        sequence,
        first_number,
        owner,
        0xFFFFFFFF - begun,
    )
    return raw + pack("<I", crc32(raw))


def unpack_header(raw: "Bytes") -> "tuple[int, int, int, bytes] | None":
    """Return (boot id, sequence number, first passing number, owner), or None if there is none.

    Raises NewerFormat for an intact header of a later format.
    """
    magic, version, _, boot, sequence, number, owner, _, crc = unpack_from(HEADER + "I", raw)
    if magic != MAGIC or crc32(memoryview(raw)[: HEADER_SIZE - 4]) != crc:
        return None
    if version > FORMAT:
        raise NewerFormat("the journal has format %d, newer than %d" % (version, FORMAT))
    return boot, sequence, number, owner


def entry_size(length: int) -> int:
    """Return how many bytes an entry takes whose payload has `length`."""
    return (length + 5 & -4) + 4


def pack_entry(buffer: "Buffer", at: int, kind: int, payload: "Bytes") -> int:
    """Put an entry into a buffer; return where it ends."""
    end = at + entry_size(len(payload))
    buffer[at] = kind
    buffer[at + 1] = len(payload)
    stop = at + 2 + len(payload)
    buffer[at + 2 : stop] = payload
    while stop < end - 4:
        buffer[stop] = 0
        stop += 1
    pack_into("<I", buffer, stop, crc32(memoryview(buffer)[at:stop]))
    return end


def find_entry(sector: "Bytes", at: int) -> "tuple[int, int, int, int] | None":
    """Return (kind, where its payload begins, where it ends, where the entry ends).

    The entry is the first intact one at or behind `at` in the bytes of one sector; None if there
    is no more.
    """
    view = memoryview(sector)
    size = len(sector)
    while at + 8 <= size:
        kind = sector[at]
        if 0 < kind < 0xFF:
            length = sector[at + 1]
            end = at + entry_size(length)
            if (
                length <= LONGEST_PAYLOAD
                and end <= size
                and crc32(view[at : end - 4]) == unpack_from("<I", sector, end - 4)[0]
            ):
                return kind, at + 2, at + 2 + length, end
        at += 4
    return None


def end_of_entries(sector: "Bytes") -> int:
    """Return where the blank rest of a sector begins, a multiple of 4; at most its size."""
    at = len(sector)
    # In larger steps first: most of a sector is either full or blank.
    for step in (64, 1):
        while at >= step and sector[at - step : at] == b"\xff" * step:
            at -= step
    return at + 3 & -4


class Session:
    """A session of passings, as this device knows it.

    `ordinal` counts this device's sessions from 1. `first` is the first passing of it, `base` the
    one that is number 1 there: another one where the session goes on for one that was closed.
    `mark` (4 bytes) is what its alias in the cloud shows, `token` the cloud's name for it. `rescue` tells that it takes the rest of a session that was closed by somebody else.
    """

    state = WANTED
    rescue = False
    token = ""

    def __init__(
        self, ordinal: int = 0, first: int = 0, base: int = 0, mark: bytes = b"", alias: str = ""
    ) -> None:
        self.ordinal = ordinal
        self.first = first
        self.base = base
        self.mark = mark
        self.alias = alias

    def pack(self) -> bytes:
        """Return the payload of a SESSION entry."""
        token = self.token.encode()
        head = pack(
            _SESSION, self.ordinal, self.state, self.rescue, self.first, self.base, self.mark,
            len(token),
        )  # fmt: skip
        return head + token + self.alias.encode()


def unpack_session(raw: "Bytes") -> Session:
    """Return a session from the payload of its entry. Raises ValueError for what is none."""
    ordinal, state, rescue, first, base, mark, length = unpack_from(_SESSION, raw)
    at = calcsize(_SESSION)
    session = Session(ordinal, first, base, mark, str(bytes(raw[at + length :]), "utf-8"))
    session.state = state
    session.rescue = bool(rescue)
    session.token = str(bytes(raw[at : at + length]), "utf-8")
    return session


def split_us(time_us: int) -> "tuple[int, int]":
    """Return a u48 as (low u32, high u16), which is how struct can hold it."""
    return time_us & 0xFFFFFFFF, time_us >> 32


def pack_point(boot: int, point: "Point") -> bytes:
    """Return the payload of a TIME entry, of a `timekeeper.Point` in a boot."""
    low, high = split_us(point.time_us)
    error = min(point.error_us, 0xFFFFFFFF)
    return pack(TIME_POINT, boot, low, high, point.utc_us, error, point.source)


def entries_of(sector: "Bytes") -> "Iterator[tuple[int, memoryview]]":
    """Yield (kind, payload) of every intact entry of a sector, in order of storing."""
    view = memoryview(sector)
    # Where the header is damaged the entries behind it still count: they have their own CRC.
    found = find_entry(sector, HEADER_SIZE)
    while found:
        kind, start, stop, end = found
        yield kind, view[start:stop]
        found = find_entry(sector, end)


def is_whole(sector: "Bytes") -> bool:
    """Tell whether everything in a sector that is no passing can be read."""
    at = HEADER_SIZE
    end = end_of_entries(sector)
    # Where power went between two of the entries that it was begun with, only its header knows.
    # All of them with nothing behind may be as power left them: to be read once, and no more.
    if end + unpack_from("<I", sector, _BEGUN_AT)[0] <= 0xFFFFFFFF:
        return False
    while at < end:
        found = find_entry(sector, at)
        start = found[1] - 2 if found else end
        # A bit makes a FROZEN a passing, but not as long as one.
        if start > at and (sector[at] != PASSING or sector[at + 1] < _SHORTEST_PASSING):
            return False
        if not found:
            return True
        at = found[3]
    return True


def newest_in(sector: "Bytes") -> int:
    """Return the highest number that a sector tells of, 0 for none."""
    kinds = (PASSING, PROGRESS)
    return max([0] + [u32(payload) for kind, payload in entries_of(sector) if kind in kinds])


def u32(payload: "Bytes") -> int:
    """Return what a payload begins with."""
    return payload[0] | payload[1] << 8 | payload[2] << 16 | payload[3] << 24


def runs_of(numbers: "list[int]") -> "list[list[int]]":
    """Return [first, last] of each run of numbers that are in order."""
    runs = []  # type: list[list[int]]
    for number in numbers:
        if runs and runs[-1][1] + 1 == number:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def without(ranges: "list[list[int]]", first: int, last: int) -> "list[list[int]]":
    """Return what is left of ranges, each [first, last, why], without some numbers."""
    kept = []
    for low, high, why in ranges:
        if low < first:
            kept.append([low, min(high, first - 1), why])
        if high > last:
            kept.append([max(low, last + 1), high, why])
    return kept

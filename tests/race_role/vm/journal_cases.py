"""What the journal has to hold, on flash that is torn, worn, full, flipped, or another's."""

from nor_flash import FlashCut, FullFlash, WornFlash
from startline_race.errors import JournalFull
from startline_race.journal import POOL, Journal
from startline_race.journal_format import (
    HEADER_SIZE,
    PASSING,
    SECTOR,
    NewerFormat,
    entries_of,
    find_entry,
    pack_header,
)
from startline_race.passing_format import Passing, pack_passing, unpack_passing

OWNER = b"owner--1"
EPC = "E2801160600002054C3A1B2C"


def opened(flash, owner=OWNER):
    """Open a journal as a boot does."""
    journal = Journal(flash, owner)
    journal.open()
    journal.boot += 1
    return journal


def payload(journal, chip=EPC):
    """Make the next passing's payload."""
    passing = Passing()
    passing.number = journal.number
    passing.session = 1
    passing.boot = journal.boot
    passing.time_us = 1000000 * journal.number
    passing.chip = chip
    passing.antenna, passing.rssi, passing.hits = 1, -55, 3
    return pack_passing(passing, bytearray(240))


def store(journal, count, reserve=0):
    """Store passings."""
    for _ in range(count):
        journal.append(PASSING, payload(journal), reserve)
        journal.number += 1


def numbers(journal, start=1):
    """List the numbers that can be read."""
    found = []
    for sector in journal.sectors_from(start):
        found += [
            unpack_passing(raw).number for kind, raw in entries_of(sector) if kind == PASSING
        ]
    return found


def test_all_is_there_after_a_restart():
    """Passings over several sectors are read back whole and in order, and numbers go on."""
    flash = WornFlash(16 * SECTOR)
    journal = opened(flash)
    store(journal, 500)
    again = opened(flash)
    assert numbers(again) == list(range(1, 501))
    assert (again.number, again.boot) == (501, journal.boot + 1)
    store(again, 10)
    assert numbers(opened(flash)) == list(range(1, 511))


def test_a_passing_costs_one_program_and_no_erase():
    """A passing is one program, two where a sector begins; never an erase; 40 bytes at most."""
    flash = WornFlash(16 * SECTOR)
    journal = opened(flash)
    for _ in range(300):
        before = flash.programs
        store(journal, 1)
        assert flash.programs - before <= 2
    assert flash.erases == 0
    assert len(pack_passing_entry()) <= 40


def test_twenty_thousand_fit_into_a_mebibyte():
    """At least 20,000 usual passings fit into 1 MiB."""
    journal = opened(FullFlash(1 << 20))
    try:
        store(journal, 40000)
    except JournalFull:
        pass
    assert journal.number > 20000


def test_power_cut_in_every_byte_of_a_passing():
    """Torn at any byte, a passing is whole or not there, and hides nothing before or behind it."""
    whole = len(pack_passing_entry())
    for torn in range(whole + 1):
        flash = WornFlash(4 * SECTOR)
        journal = opened(flash)
        store(journal, 3)
        flash.cut_in, flash.torn = 0, torn
        try:
            store(journal, 1)
            raise AssertionError("no cut")
        except FlashCut:
            pass
        again = opened(flash)
        kept = again.number - 1
        assert kept in (3, 4)
        store(again, 2)
        assert numbers(opened(flash)) == list(range(1, kept + 3)), torn


def pack_passing_entry():
    """Return the bytes of an entry."""
    flash = WornFlash(4 * SECTOR)
    journal = opened(flash)
    store(journal, 1)
    return flash.read(HEADER_SIZE, journal.offset - HEADER_SIZE)


def test_power_cut_where_a_sector_begins():
    """Torn in a new sector's header, nothing is lost, and the sector is used after an erase."""
    for torn in range(0, 40, 3):
        flash = WornFlash(4 * SECTOR)
        journal = opened(flash)
        while journal.offset + 40 <= SECTOR:
            store(journal, 1)
        kept = journal.number - 1
        flash.cut_in, flash.torn = 0, torn
        try:
            store(journal, 1)
        except FlashCut:
            pass
        again = opened(flash)
        assert again.number in (kept + 1, kept + 2)
        again.prepare(1, POOL)
        store(again, 3)
        final = opened(flash)
        assert numbers(final) == list(range(1, final.number)) and final.number > kept + 3


def test_a_flipped_bit_costs_its_entry_only():
    """Any bit of any entry that flips loses that entry and no other."""
    flash = WornFlash(4 * SECTOR)
    store(opened(flash), 20)
    clean = bytes(flash.data)
    size = len(pack_passing_entry())
    for at in range(HEADER_SIZE, HEADER_SIZE + 20 * size, 5):
        flash.data[:] = clean
        flash.flip(at, 1 << at % 8)
        found = numbers(opened(flash))
        lost = (at - HEADER_SIZE) // size + 1
        assert found == [number for number in range(1, 21) if number != lost], at


def test_a_damaged_header_costs_nothing():
    """Sectors whose header is lost, the newest as well, keep their passings and their numbers."""
    for sector in range(3):
        flash = WornFlash(8 * SECTOR)
        journal = opened(flash)
        store(journal, 250)
        flash.flip(sector * SECTOR + 9)
        again = opened(flash)
        assert numbers(again) == list(range(1, 251)), sector
        assert again.number == 251
        store(again, 200)
        again.prepare(1, POOL)
        assert numbers(opened(flash)) == list(range(1, 451)), sector


def test_the_only_header_damaged():
    """A journal of one sector that lost its header keeps its passings."""
    flash = WornFlash(8 * SECTOR)
    store(opened(flash), 5)
    flash.flip(5)
    again = opened(flash)
    assert again.number == 6 and numbers(again) == [1, 2, 3, 4, 5]


def test_the_only_header_damaged_beside_a_torn_erase():
    """What an erase has left of an older sector does not hide the one that lost its header."""
    for place in (0, 2, 4, 7):
        flash = WornFlash(8 * SECTOR)
        store(opened(flash), 5)
        flash.flip(5)
        flash.data[3 * SECTOR : 4 * SECTOR] = flash.data[:SECTOR]
        flash.data[:SECTOR] = b"\xff" * SECTOR
        at = place * SECTOR
        flash.data[at + 32 : at + 2048] = bytes(2016)
        again = opened(flash)
        assert again.number == 6 and numbers(again) == [1, 2, 3, 4, 5], place


def test_the_ring_reuses_what_is_done_with_and_nothing_else():
    """Round and round: a sector is erased only when all in it is done with, and wear is even."""
    flash = FullFlash(16 * SECTOR)
    journal = opened(flash)
    for _ in range(100):
        store(journal, 100)
        keep = max(1, journal.number - 150)
        journal.prepare(keep, POOL)
        there = [number for number in numbers(journal, keep) if number >= keep]
        assert there == list(range(keep, journal.number))
    again = opened(flash)
    assert again.number == 10001
    assert max(flash.wear.values()) - min(flash.wear.values()) <= 1
    assert flash.erases <= 10000 / 60


def test_a_torn_erase_is_done_again():
    """An erase that power interrupted leaves nothing that counts, and is finished later."""
    for torn in (0, 1, 31, 32, 33, 500, 2048, 4095):
        flash = FullFlash(12 * SECTOR)
        journal = opened(flash)
        store(journal, 1000)
        flash.cut_in, flash.torn = 0, torn
        try:
            journal.prepare(journal.number, POOL)
        except FlashCut:
            pass
        again = opened(flash)
        assert again.number == 1001
        assert again.prepare(again.number, POOL)
        store(again, 300)
        found = numbers(opened(flash), 1001)
        assert [number for number in found if number > 1000] == list(range(1001, 1301)), torn


def test_worn_sectors_are_left_out():
    """A sector that does not become blank is skipped; the rest goes on, over several rounds."""
    flash = FullFlash(12 * SECTOR)
    flash.worn = {3 * SECTOR, 4 * SECTOR}
    journal = opened(flash)
    for _ in range(40):
        store(journal, 100)
        journal.prepare(journal.number, 4)
    last = opened(flash).number - 1
    assert last == 4000
    assert numbers(opened(flash), 3950)[-50:] == list(range(3951, 4001))


def test_a_weak_cell_is_left_behind():
    """Bytes that do not read back are written again behind; the passing is there once."""
    flash = WornFlash(8 * SECTOR)
    journal = opened(flash)
    store(journal, 3)
    flash.dead = {journal.offset + 11: 0x40}
    store(journal, 5)
    assert numbers(opened(flash)) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_full_overwrites_nothing():
    """Full of what is not sent, the journal refuses, keeps all, and has room for its reserve."""
    flash = FullFlash(8 * SECTOR)
    journal = opened(flash)
    try:
        while True:
            store(journal, 1, 2)
            journal.prepare(1, POOL)
    except JournalFull as error:
        assert "nothing was stored" in str(error)
    full = journal.number
    assert not journal.prepare(1, POOL)
    assert numbers(journal) == list(range(1, full))
    assert journal.fill(1) >= 60
    for _ in range(50):
        journal.append(6, b"x" * 6)  # what is said of sending still fits
    assert journal.prepare(full, POOL) is False or len(journal.blank) >= 5
    store(journal, 100, 2)
    assert numbers(opened(flash), full)[-100:] == list(range(full, full + 100))


def test_another_devices_journal_is_kept_and_not_read():
    """Another device's passings are neither given out nor overwritten; numbers go on."""
    flash = FullFlash(8 * SECTOR)
    store(opened(flash, b"stranger"), 150)
    journal = opened(flash)
    assert journal.number == 151
    store(journal, 400)
    journal.prepare(journal.number, 8)
    again = opened(flash)
    assert [number for number in numbers(again, 1) if number < 151] == []
    assert numbers(again, 500)[-1] == 550
    theirs = Journal(flash, b"stranger")
    theirs.open()
    assert numbers(theirs, 1)[:150] == list(range(1, 151))


def test_a_newer_format_is_left_alone():
    """A sector of a later format stops everything, and not a bit is changed."""
    flash = WornFlash(8 * SECTOR)
    header = bytearray(pack_header(1, 7, 1, OWNER))
    header[4] = 2
    from binascii import crc32
    from struct import pack_into

    pack_into("<I", header, 28, crc32(header[:28]))
    flash.program(2 * SECTOR, header)
    before = bytes(flash.data)
    try:
        opened(flash)
        raise AssertionError("opened")
    except NewerFormat as error:
        assert "format 2" in str(error)
    assert bytes(flash.data) == before


def test_garbage_is_no_journal():
    """Random bytes in the partition hold no entry, and are erased when their turn comes."""
    import random

    random.seed(5)
    flash = FullFlash(8 * SECTOR)
    for at in range(0, flash.size, 4):
        flash.data[at] = random.getrandbits(8)
    journal = opened(flash)
    assert journal.number == 1
    journal.prepare(1, POOL)
    store(journal, 300)
    assert numbers(opened(flash)) == list(range(1, 301))


def test_find_entry_never_raises():
    """Whatever bytes a sector holds, looking for entries ends."""
    import random

    random.seed(9)
    for _ in range(30):
        sector = bytearray([random.getrandbits(8) for _ in range(512)])
        at = 0
        found = find_entry(sector, at)
        while found:
            assert found[3] > at
            at = found[3]
            found = find_entry(sector, at)

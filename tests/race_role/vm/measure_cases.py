"""Measures a race in the real MicroPython; each case prints `ROW` and a JSON object of numbers."""

import gc
import json
import time

import given
from cloud_cases import EPC, boot, have_time
from nor_flash import FullFlash
from race_chip import make_chip, race_device


def vm_us() -> int:
    """Return the microseconds that this VM has computed: what else the computer does is left out."""
    return int(time.clock() * 1000000)


def told(**numbers) -> None:
    """Print what was measured."""
    print("ROW " + json.dumps(numbers))


def idle_race(sectors=256):
    """Return the race of a reader without a network."""
    with open(given.folder + "/fctry", "rb") as file:
        chip = make_chip(file.read(), flash=CountedFlash(sectors * 4096), virtual=False)
    race = race_device(chip).race()
    race.open("10 km")
    return race


# Of a usual flash chip (W25Q32JV data sheet, typical): programming up to 256 bytes, erasing 4 KiB.
PROGRAM_US = 400
ERASE_US = 45000


class CountedFlash(FullFlash):
    """The same, which counts the pages that it programs."""

    pages = 0

    def program(self, offset, data) -> None:
        """Program."""
        self.pages += (offset + len(data) - 1) // 256 - offset // 256 + 1
        super().program(offset, data)

    def busy_us(self):
        """Return how long a real chip would have been busy since the counts began."""
        return self.pages * PROGRAM_US + self.erases * ERASE_US


class Blocks:
    """A block device for LittleFS over the same flash."""

    def __init__(self, flash) -> None:
        self.flash = flash

    def readblocks(self, block, data, offset=0) -> None:
        """Read."""
        data[:] = self.flash.read(block * 4096 + offset, len(data))

    def writeblocks(self, block, data, offset=0) -> None:
        """Program."""
        self.flash.program(block * 4096 + offset, data)

    def ioctl(self, what, argument) -> int:
        """Answer for LittleFS."""
        if what == 4:
            return self.flash.size // 4096
        if what == 5:
            return 4096
        if what == 6:
            self.flash.erase(argument * 4096)
        return 0


def test_passing():
    """What a passing costs: programs, erases, garbage, and time beside a flushed line."""
    race = idle_race()
    flash = race.journal.flash
    ticks = time.ticks_ms() & ((1 << 30) - 1)
    for count in range(50):
        race.passing(EPC % count, at=ticks, antenna=1, rssi=-50, hits=3)
    chip_id = EPC % 1
    most = 0
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(40):
        race.passing(chip_id, at=ticks, antenna=1, rssi=-50, hits=3)
    garbage = (gc.mem_alloc() - before) // 40
    gc.enable()
    flash.pages = flash.erases = 0
    start = time.ticks_us()
    for _ in range(2000):
        programs = flash.programs
        race.passing(chip_id, at=ticks, antenna=1, rssi=-50, hits=3)
        most = max(most, flash.programs - programs)
    passing_us = (time.ticks_us() - start + flash.busy_us()) / 2000
    erases = flash.erases
    import vfs

    disk = CountedFlash(1 << 20)
    blocks = Blocks(disk)
    vfs.VfsLfs2.mkfs(blocks)
    vfs.mount(vfs.VfsLfs2(blocks), "/lfs")
    line = "%s,2026-11-21T10:00:00.123Z,1,-50,3\n" % chip_id
    with open("/lfs/passings.txt", "a") as file:
        disk.erases = disk.pages = 0
        start = time.ticks_us()
        for _ in range(200):
            file.write(line)
            file.flush()
        line_us = (time.ticks_us() - start + disk.busy_us()) / 200
    told(
        programs=most, erases=erases, garbage=garbage, passing_us=passing_us, line_us=line_us,
        line_erases=disk.erases / 200,
    )  # fmt: skip


def test_wear():
    """Erases a passing, sent in batches of 100 by its own word, over several rounds of the ring."""
    race = idle_race(64)
    flash = race.journal.flash
    erases = flash.erases
    count = 20000
    for number in range(1, count + 1):
        race.passing(EPC % (number & 0xFFFF))
        if number % 100 == 0:
            race.progress.freeze(number + 1)
            race.progress.sent(number + 1, 100, 0)
            race.journal.prepare(race.progress.keep_from(), 8)
    told(erases_a_passing=(flash.erases - erases) / count)


def test_open():
    """How long the opening of a full journal takes."""
    from startline_race.errors import JournalFull

    race = idle_race(256)
    try:
        while True:
            race.passing(EPC % 1)
    except JournalFull:
        pass
    from startline_race.journal import Journal

    journal = Journal(race.journal.flash, race.journal.owner)
    start = time.ticks_us()
    journal.open()
    told(open_ms=(time.ticks_us() - start) / 1000, passings=journal.number - 1)


def send(chip, race) -> float:
    """Send all; return how many microseconds the longest step took once connected."""
    sender = race.sender()
    longest = 0
    sender.sync_due = 1 << 60  # resolving the names of time servers is not what is measured
    began = chip.ms()
    while not race.progress.done():
        if "emory" in race._sender.reason or chip.since(began) > 120000:
            raise MemoryError
        stream = sender.connection.stream if sender.connection else None
        start = vm_us()
        race.send(1)
        passed = vm_us() - start
        if stream and sender.connection.stream is stream and sender.connection.spoke:
            longest = max(longest, passed)
    return longest


def test_sending():
    """Bytes on the wire and the longest step of a backlog, beside one request a passing."""
    from startline_online.connection import HeldStream

    wire = [0]
    plain_read = HeldStream.readinto
    plain_write = HeldStream.write

    def readinto(self, data):
        done = plain_read(self, data)
        wire[0] += done if done and done > 0 else 0
        return done

    def write(self, data):
        done = plain_write(self, data)
        wire[0] += done if done and done > 0 else 0
        return done

    HeldStream.readinto = readinto
    HeldStream.write = write
    chip, race = boot(False)
    have_time(chip, race)
    race.open("warm")
    race.passing(EPC % 0)
    race.close()
    send(chip, race)
    longest = []
    batch_us = wire[0] = 0
    for _ in range(10):
        race.open("10 km")
        for count in range(given.count // 10):
            race.passing(EPC % (count & 0xFFFF))
        race.close()
        start = time.ticks_us()
        longest.append(send(chip, race))
        batch_us += (time.ticks_us() - start) / given.count
    longest = max(longest)
    wire_bytes = wire[0] / given.count
    race.settings.batch = race._sender.limit = 1
    race.open("one by one")
    for count in range(200):
        race.passing(EPC % count)
    race.close()
    start = time.ticks_us()
    send(chip, race)
    single_us = (time.ticks_us() - start) / 200
    told(wire_bytes=wire_bytes, longest_ms=longest / 1000, batch_us=batch_us, single_us=single_us)


class Taker:
    """A socket that takes everything, and says one thing."""

    def __init__(self, said: bytes) -> None:
        self.said = said

    def send(self, data) -> int:
        """Take it."""
        return len(data)

    def recv(self, size: int) -> bytes:
        """Say it."""
        return self.said


def test_beside():
    """The longest step while the bench computer reads the journal, and two clients of the live port."""
    from startline_console.answers import RaceAnswers
    from startline_liveport.client import PortClient

    race = idle_race(64)
    for count in range(2000):
        race.passing(EPC % count)
    race.chip.write = len
    answers = RaceAnswers(race)
    clients = [PortClient(race, Taker(b"1:1900\r\n")) for _ in range(2)]
    for client in clients:
        client.ready = True
        client.step()
        client.ready = False
    longest = at = 0
    while any([client.step() for client in clients]):
        start = vm_us()
        for client in clients:
            client.step()
        if not answers.send_piece():
            answers.ask("00", "read %d 1024" % at)
            at = (at + 1024) % 65536
        longest = max(longest, vm_us() - start)
    gc.collect()
    free = gc.mem_free()
    gc.disable()
    answers.ask("00", "read 0 1024")
    clients[0].answer("1000:1")
    while clients[0].step() or answers.send_piece():
        pass
    garbage = free - gc.mem_free()
    gc.enable()
    told(longest_ms=longest / 1000, garbage=garbage)


def test_rate():
    """150 passings a second with sending at work and a link that goes: the longest call."""
    chip, race = boot(False)
    have_time(chip, race)
    race.open("10 km")
    count = given.count
    longest = []
    start = chip.ms()
    for number in range(count):
        chip.station.joined = not count // 3 < number < count // 2
        if not chip.station.joined:
            race.sender().drop()
        while chip.since(start) * 150 < number * 1000:
            race.send(2)
        began = vm_us()
        assert race.passing(EPC % (number & 0xFFFF)) == number + 1
        passed = vm_us() - began
        if number % 150:
            longest[-1] = max(longest[-1], passed)
        else:
            longest.append(passed)
    chip.station.joined = True
    race.close()
    send(chip, race)
    told(longest_ms=max(longest) / 1000, stored=race.state["sent"])


class Unheard:
    """Takes events, and keeps none: a console does not either."""

    def append(self, _) -> None:
        """Do nothing."""


def test_small():
    """Time and send a little, to see in how small a heap that goes."""
    chip, race = boot(False)
    chip.events = Unheard()
    have_time(chip, race)
    race.open("10 km")
    for count in range(120):
        race.passing(EPC % count)
    race.close()
    send(chip, race)


def test_bound():
    """A bound boot that does not race, for comparison."""
    boot(False, race=False)

"""Racing against a cloud over TLS, in real time; each case is one life of a reader."""

import json

import given
from fake_chip import FileFlash
from nor_flash import FullFlash
from race_chip import NOW, RaceChip
from startline.device import Device

EPC = "E2801160600002054C3A%04X"


class FileNor(FullFlash):
    """Flash in a file: what one life leaves, the next one finds."""

    def __init__(self, path: str) -> None:
        super().__init__(0)
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        self.size = len(self.data)
        self.path = path

    def save(self) -> None:
        """Write it back."""
        with open(self.path, "wb") as file:
            file.write(self.data)


class WornFile(FileFlash):
    """Flash in a file that costs no memory."""

    def save(self) -> None:
        """Do nothing: it is there."""


def boot(in_memory=True, race=True):
    """Boot the reader of this test; bind it if need be."""
    folder = given.folder
    parts = {
        "nvs": FileFlash(folder + "/nvs"),
        "bind": FileFlash(folder + "/bind"),
        "fctry": FileFlash(folder + "/fctry"),
        "race": (FileNor if in_memory else WornFile)(folder + "/race"),
    }
    try:
        with open(folder + "/record", "rb") as file:
            record = file.read()
    except OSError:
        record = b""

    def keep(raw) -> None:
        with open(folder + "/record", "wb") as file:
            file.write(raw)

    chip = RaceChip(parts, {"ntp": NOW}, virtual=False)
    chip.record = record
    chip._keep = keep
    device = Device(chip)
    device.emit = lambda name, fields: chip.events.append((name, fields))
    device.print_line = lambda text: None
    device.attempt(False)
    assert device.state == "bound", (device.state, device.reason, chip.events)
    if not race:
        return chip, None
    race = device.race()
    race.settings.look_pause = 1000  # no test waits for the half minute that it has at least
    return chip, race


def have_time(chip, race):
    """Give the race the time."""
    race.set_time(NOW * 1000, 2)


def send_all(chip, race, limit_ms=20000, until=None):
    """Send until nothing is left, or for so long."""
    start = chip.ms()
    progress = race.progress
    while chip.since(start) < limit_ms:
        race.send(20)
        if (until or progress.done)():
            break
        chip.sleep(2)
    else:
        raise AssertionError((race.state, chip.events[-8:]))
    race.journal.flash.save()


def failures(chip):
    """List what failed."""
    return [fields for name, fields in chip.events if name in ("failed", "race_failed")]


def test_a_race():
    """A session is opened, passings sent in batches, the session closed; the cloud has all once."""
    chip, race = boot()
    have_time(chip, race)
    race.open("10 km")
    for count in range(250):
        race.passing(EPC % count)
    race.close()
    send_all(chip, race)
    assert not failures(chip), failures(chip)
    assert race.state["sent"] == 250 and race.state["waiting"] == 0


def test_nothing_hurries_a_look():
    """A second look keeps its distance from the first, whatever the reader's program does."""
    chip, race = boot()
    race.settings.look_pause = 600000
    have_time(chip, race)
    race.open("10 km")
    race.passing(EPC % 1)
    looks = lambda: [name for name, _ in chip.events if name == "race_lookup"]  # noqa: E731
    send_all(chip, race, until=looks)
    race.close()
    have_time(chip, race)
    for _ in range(20):
        race.send(20)
        chip.sleep(2)
    assert len(looks()) == 1, chip.events[-8:]
    assert race.state["waiting"] == 1


def test_store_offline():
    """Store many passings and send none."""
    chip, race = boot()
    have_time(chip, race)
    race.open("10 km")
    for count in range(given.count):
        race.passing(EPC % count)
    race.journal.flash.save()


def test_send_the_rest():
    """A later life sends what an earlier one stored, and closes the session."""
    chip, race = boot()
    have_time(chip, race)
    race.open("10 km")
    race.close()
    send_all(chip, race, 120000)
    assert race.state["waiting"] == 0


def test_live():
    """Passings come while others are sent."""
    chip, race = boot()
    have_time(chip, race)
    race.open("10 km")
    for count in range(given.count):
        race.passing(EPC % count)
        for _ in range(5):
            race.send(5)
    race.close()
    send_all(chip, race, 60000)


def test_life():
    """One life: store `count` passings, send for `limit_ms` or until `until` holds."""
    chip, race = boot()
    have_time(chip, race)
    for name in given.open:
        race.open(name)
        for count in range(given.count):
            race.passing(EPC % count, given.bib)
        if given.close:
            race.close()
    if given.close and race.progress.opened:
        race.open(race.state["session"])
        race.close()
    until = None
    if given.until:
        until = lambda: race.state["reason"] == given.until  # noqa: E731
    try:
        send_all(chip, race, given.limit_ms, until)
    finally:
        race.journal.flash.save()
        print("STATE " + json.dumps([race.state, chip.events]))


def poisoned_race():
    """Race with one passing among many that the cloud refuses; it is set aside."""
    chip, race = boot()
    have_time(chip, race)
    race.open("10 km")
    plain = race.settings.cloud.passing

    def poisoned(number, seen, timestamp):
        text = plain(number, seen, timestamp)
        return text.replace(":%d," % number, ":-%d," % number) if number == given.poison else text

    race.settings.cloud.passing = poisoned
    for count in range(given.count):
        race.passing(EPC % count)
    return chip, race, plain


def test_poison():
    """One passing among many is one that the cloud refuses."""
    chip, race, _ = poisoned_race()
    race.close()
    send_all(chip, race, 30000)
    assert race.state["aside"] == 1 and race.state["sent"] == given.count - 1
    told = [fields for name, fields in chip.events if name == "race_aside"]
    assert told == [{"first": given.poison, "last": given.poison, "status": 400}], told
    assert race.progress.keep_from() == given.poison


def refused(call, *args):
    """Return why a command is refused."""
    try:
        call(*args)
    except (OSError, ValueError) as error:
        return str(error)
    raise AssertionError("done")


def test_commands():
    """An operator has what was set aside sent once more, or let go; nothing else can be named."""
    import race_commands

    chip, race, plain = poisoned_race()
    send_all(chip, race, 30000, lambda: race.state["reason"] == "idle")
    poison = given.poison
    assert "400" in refused(race_commands.resend, poison, poison)
    assert "not set aside" in refused(race_commands.resend, poison, poison + 1)
    assert "not set aside" in refused(race_commands.release, 1, 2)
    assert race.state["aside"] == 1
    race.settings.cloud.passing = plain
    assert race_commands.resend(poison, poison)["aside"] == 0
    race.progress.set_aside(3, 5, 0)
    assert race_commands.release(4, 4)["aside"] == 2
    assert race.progress.aside == [[3, 3, 0], [5, 5, 0]]
    race.journal.flash.save()
    _, again = boot()
    assert again.progress.aside == [[3, 3, 0], [5, 5, 0]]
    race_commands.set_time(NOW * 1000 + 5000, 20)
    assert again.state["clock"] == "usb"
    again.close()
    send_all(chip, again)
    assert "not open" in refused(race_commands.resend, 3, 3)


def test_best():
    """Of the sightings within the dead time the strongest is sent, with its own time."""
    from startline_race.dead_time import DeadTime

    chip, race = boot()
    have_time(chip, race)
    race.settings.dead_us = 1500000
    race.settings.best = 1
    race.dead_time = DeadTime(race, race.settings)
    race.open("10 km")
    times = []
    for rssi in (-70, -40, -60):
        times.append(race.keeper.utc_us() // 1000)
        assert race.passing(EPC % 1, rssi=rssi) == 1
        chip.sleep(200)
        race.send(5)
    assert race.state["sent"] == 0  # a stronger one may still come
    race.close()
    send_all(chip, race)
    print("TIMES " + json.dumps(times))


def test_rate():
    """150 passings a second while sending is at work and the link goes; none is lost."""
    chip, race = boot()
    have_time(chip, race)
    race.open("10 km")
    start = chip.ms()
    for count in range(given.count):
        chip.station.joined = not given.count // 3 < count < given.count // 2
        if not chip.station.joined:
            race.sender().drop()
        while chip.since(start) * 150 < count * 1000:
            race.send(2)
        assert race.passing(EPC % count) == count + 1
    chip.station.joined = True
    race.close()
    send_all(chip, race, 60000)


def test_answer_forgotten():
    """What the cloud has counted cannot be noted, for want of memory or of room in the journal."""
    from startline_race.errors import JournalFull

    chip, race = boot()
    have_time(chip, race)
    race.open("10 km")
    for count in range(20):
        race.passing(EPC % count)
    race.close()
    sent = race.progress.sent
    errors = [MemoryError, JournalFull]

    def failing(*args) -> None:
        if errors:
            raise errors.pop()
        sent(*args)

    race.progress.sent = failing
    race.sender().stopped = ""
    start = chip.ms()
    while not race.progress.done():
        if race.sender().reason[:3] == "bug" or race.sender().reason == "journal_full":
            race.sender()._wait = 0
        race.send(20)
        chip.sleep(2)
        assert chip.since(start) < 20000, (race.state, chip.events[-8:])
    assert not errors


def test_resend_lost():
    """A resend whose answer is lost is looked up by the next one, and not sent again."""
    import race_commands

    chip, race = boot()
    have_time(chip, race)
    race.open("10 km")
    number = race.passing(EPC % 4711)
    race.progress.set_aside(number, number, 0)
    assert "answer" in refused(race_commands.resend, number, number)
    assert race.progress.aside == [[number, number, 2]]  # it may be there: uncounted
    race.journal.flash.save()
    chip, race = boot()
    have_time(chip, race)
    race.open("10 km")
    assert race_commands.resend(number, number)["aside"] == 0
    race.journal.flash.save()

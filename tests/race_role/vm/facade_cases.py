"""What the reader's program sees: passings, sessions, bad input, restarts; without any network."""

import builtins
import gc

import given
from nor_flash import FlashCut
from race_chip import make_chip, race_device
from startline_race.dead_time import DeadTime
from startline_race.errors import JournalFull, RaceUnavailable
from startline_race.journal_format import PASSING, SECTOR, entries_of
from startline_race.passing_format import unpack_passing

with open(given.fctry, "rb") as file:
    FCTRY = file.read()
EPC = "E2801160600002054C3A1B2C"


def start(flash=None, **options):
    """Boot a reader and begin its race."""
    chip = make_chip(FCTRY, flash=flash, **options)
    race = race_device(chip).race()
    return chip, race


def stored(race):
    """List the passings that the journal holds."""
    found = []
    for sector in race.journal.sectors_from(1):
        found += [unpack_passing(raw) for kind, raw in entries_of(sector) if kind == PASSING]
    return found


def refused(call, *args, **given):
    """Return the sentence of a refusal."""
    try:
        call(*args, **given)
    except ValueError as error:
        text = str(error)
        assert text and "\n" not in text and len(text) < 120
        return text
    raise AssertionError("taken: %r %r" % (args, given))


def test_a_passing_holds_what_it_was_given():
    """Everything of a passing is in the journal, also where it says little or much."""
    chip, race = start()
    race.open("10 km")
    chip.sleep(5000)
    assert race.passing(EPC) == 1
    number = race.passing(
        "tag-äö-1", "4711", at=chip.ms() - 1500, antenna=3, rssi=-61, hits=12, latitude=48.2,
        longitude=-16.37, status="lap",
    )  # fmt: skip
    race.passing("", "17", utc="2026-11-21T10:00:00.123Z")
    race.passing("7F", at_us=chip.us() - 250000)
    plain, rich, timed, fine = stored(race)
    assert number == 2
    assert (plain.chip, plain.bib, plain.time_us, plain.session) == (EPC, "", 5000000, 1)
    assert (rich.chip, rich.bib, rich.status) == ("tag-äö-1", "4711", "lap")
    assert (rich.antenna, rich.rssi, rich.hits, rich.time_us) == (3, -61, 12, 3500000)
    assert abs(rich.latitude - 48.2) < 1e-6 and abs(rich.longitude + 16.37) < 1e-6
    assert (timed.bib, timed.utc_ms) == ("17", 1795255200123)
    assert fine.time_us == 4750000


def test_bad_input_is_one_sentence_and_stores_nothing():
    """What cannot be is refused, and neither number nor flash changes."""
    chip, race = start()
    race.open("10 km")
    chip.sleep(1000)
    race.passing(EPC)
    before = bytes(race.journal.flash.data)
    for chip_id in ("x" * 32, "\xe4" * 16, "tag\n1", "tag\x7f", "tag\x9b", 17, b"E280", None):
        assert "chip's id" in refused(race.passing, chip_id) and "31 bytes" in refused(
            race.passing, chip_id
        )
    for bib in ("1\x002", "1" * 61, "\xe4" * 31, 17):
        assert "the bib has to be" in refused(race.passing, EPC, bib)
    for utc in (
        946684799999, 4102444800000, -1, "2100-01-01T00:00:00.000Z", "1999-12-31T23:59:59.999Z",
        "yesterday", "", "2026-13-21T10:00:00.123Z", "2026-11-21T10:00:00", b"2026", 1.5e30, [],
    ):  # fmt: skip
        assert "2000 to 2099" in refused(race.passing, EPC, utc=utc)
    assert "latitude" in refused(race.passing, EPC, latitude=90.5, longitude=0)
    assert "latitude" in refused(race.passing, EPC, latitude="48", longitude=0)
    assert "longitude" in refused(race.passing, EPC, latitude=9, longitude=181)
    assert "longitude" in refused(race.passing, EPC, latitude=9)
    assert "latitude" in refused(race.passing, EPC, latitude=float("nan"), longitude=0)
    assert "RSSI" in refused(race.passing, EPC, rssi=-129)
    assert "antenna" in refused(race.passing, EPC, antenna=256)
    assert "hits" in refused(race.passing, EPC, hits=True)
    assert "chip or a bib" in refused(race.passing, "")
    assert "future" in refused(race.passing, EPC, at=chip.ms() + 5000)
    assert "before this boot" in refused(race.passing, EPC, at=chip.ms() - 2000)
    assert "open already" in refused(race.open, "10 km")
    assert "name" in refused(race.open, "")
    assert "60 bytes" in refused(race.open, "x" * 61)
    assert "time" in refused(race.set_time, 5)
    assert "error" in refused(race.set_time, 1795000000000, -1)
    assert bytes(race.journal.flash.data) == before
    race.close()
    assert "no session" in refused(race.close)
    assert race.passing(EPC) == 2


def test_before_open_is_the_next_session():
    """A passing before `open` belongs to the session that is opened next, from number 1 on."""
    _, race = start()
    race.passing(EPC)
    race.passing(EPC)
    race.open("10 km")
    race.passing(EPC)
    assert [one.session for one in stored(race)] == [1, 1, 1]
    assert race.progress.wanted.base == 1
    race.close()
    race.passing(EPC)
    race.open("21 km")
    assert [one.session for one in stored(race)] == [1, 1, 1, 2]
    assert race.progress.wanted.base == 4


def test_a_restart_goes_on():
    """After a restart the same name goes on, another one closes the session; numbers go on."""
    _, race = start()
    flash = race.journal.flash
    race.open("10 km")
    race.passing(EPC)
    for name, session in (("10 km", 1), ("10 km", 1), ("21 km", 2)):
        _, race = start(flash)
        assert race.state["session"] in ("10 km", "21 km")
        race.open(name)
        race.passing(EPC)
        assert stored(race)[-1].session == session
    assert [one.number for one in stored(race)] == [1, 2, 3, 4]
    assert len(set([one.boot for one in stored(race)])) == 4


def test_an_unbound_reader_stores():
    """A device that is not bound, or not provisioned, keeps passings and the wish for a session."""
    chip = make_chip(FCTRY)
    race = race_device(chip, bound=False).race()
    race.open("10 km")
    race.passing(EPC)
    race.send(5)
    assert race.state["stored"] == 1 and race.state["reason"] == "not_bound"


def test_a_cloud_without_passings():
    """A reader of a cloud that takes no passings stores them, and says so."""
    with open(given.vms, "rb") as file:
        chip = make_chip(file.read())
    race = race_device(chip).race()
    race.open("10 km")
    race.passing(EPC)
    race.send(5)
    assert race.state["stored"] == 1
    assert race.state["reason"] == "no_passings"


def test_the_cable_without_its_role():
    """A reader that is to use the cable, and was not given that role, says so, and stores."""
    chip = make_chip(FCTRY)
    device = race_device(chip)
    device.identity.values["net.link"] = "usb"
    race = device.race()
    plain = builtins.__import__

    def without(name, *rest):
        if name == "startline_usb":
            raise ImportError(name)
        return plain(name, *rest)

    builtins.__import__ = without
    try:
        assert race.passing(EPC) == 1
        race.send(5)
    finally:
        builtins.__import__ = plain
    told = [(name, fields) for name, fields in chip.events if name in ("failed", "race_clock")]
    assert told == [("race_clock", {"reason": "no_role"})], told
    assert ("warning", {"what": "no_role startline_usb"}) in chip.events
    assert race.state["stored"] == 1


def test_without_a_partition_it_says_what_to_do():
    """On a table without `race` the sentence tells how to get one."""
    chip = make_chip(FCTRY)
    del chip.parts["race"]
    try:
        race_device(chip).race()
        raise AssertionError("raced")
    except RaceUnavailable as error:
        assert "startline flash" in str(error)


def test_dead_time_merges_repeats():
    """Within the dead time a repeat has the number of the first; behind it, it is a passing."""
    chip, race = start()
    race.settings.dead_us = 5000000
    race.dead_time = DeadTime(race, race.settings)
    assert race.passing(EPC) == 1
    chip.sleep(4000)
    assert race.passing(EPC) == 1
    assert race.passing("7F") == 2
    chip.sleep(1001)
    assert race.passing(EPC) == 3
    assert len(stored(race)) == 3


def test_a_dead_time_that_cannot_be():
    """A negative dead time is none, one of days an hour at most; both are told."""
    for value, fit in ((-5, 0), (90000000, 3600000)):
        chip = make_chip(FCTRY)
        device = race_device(chip)
        device.identity.values["race.dead_time"] = value
        race = device.race()
        assert race.settings.dead_us == fit * 1000
        told = [fields["what"] for name, fields in chip.events if name == "warning"]
        assert told == ["out_of_range race.dead_time"], told
        assert race.passing(EPC) == 1


def test_dead_time_takes_many_chips():
    """More chips than are kept in mind cost no passing and stay within bounded memory."""
    chip, race = start()
    race.settings.dead_us = 5000000
    race.dead_time = DeadTime(race, race.settings)
    for count in range(500):
        chip.sleep(10)
        race.passing("%04X" % count)
    assert len(stored(race)) == 500
    assert len(race.dead_time.chips) <= 128


def test_full_journal():
    """Warned at 80 and 95 percent, then JournalFull; the numbers stay whole, and nothing is lost."""
    chip, race = start(sectors=64)
    race.open("10 km")
    count = 0
    try:
        while count < 10000:
            race.passing(EPC)
            count += 1
            race.look_after()
    except JournalFull as error:
        assert "nothing was" in str(error)
    warnings = [fields["what"] for name, fields in chip.events if name == "race_warning"]
    assert warnings == ["journal_80_percent", "journal_95_percent"], warnings
    assert [one.number for one in stored(race)] == list(range(1, count + 1))
    _, again = start(race.journal.flash)
    assert again.state["stored"] == count


def test_numbers_after_power_cuts():
    """Cut at every operation: what returned is there, numbers have no gap, none is used twice."""
    for cut in range(40):
        for torn in (0, 3, 17):
            _, race = start(sectors=8, exact=True)
            flash = race.journal.flash
            flash.cut_in, flash.torn = cut, torn
            returned = 0
            try:
                race.open("10 km")
                for _ in range(30):
                    returned = race.passing(EPC)
                race.close()
            except FlashCut:
                pass
            flash.cut_in = -1
            _, race = start(flash)
            found = [one.number for one in stored(race)]
            assert found == list(range(1, len(found) + 1))
            assert returned <= len(found) <= returned + 1
            assert race.passing(EPC) == len(found) + 1


def test_passing_makes_little_garbage():
    """A passing leaves at most 512 bytes of garbage."""
    chip, race = start(sectors=64)
    race.open("10 km")
    ticks = chip.ms()
    for _ in range(20):
        race.passing(EPC, at=ticks, antenna=1, rssi=-50, hits=3)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(50):
        race.passing(EPC, at=ticks, antenna=1, rssi=-50, hits=3)
    used = (gc.mem_alloc() - before) / 50
    gc.enable()
    assert used <= 512, used


def test_ticks_wrap():
    """Over the wraps of both counters the time of a boot goes on, and `at` means what it meant."""
    for began in (0, (1 << 30) * 1000 - 3000000, (1 << 30) - 3000000):
        chip, race = start(plan={"ticks": began})
        for _ in range(8):
            at = chip.ms()
            fine = chip.us()
            chip.sleep(1000)
            race.passing(EPC, at=at)
            race.passing(EPC, at_us=fine)
        times = [one.time_us for one in stored(race)]
        for some in (times[::2], times[1::2]):
            passed = [one - some[0] for one in some]
            assert passed == [second * 1000000 for second in range(8)], passed
        assert 0 <= times[1] - times[0] < 1000  # a counter of milliseconds says no more


def test_what_is_seen_together_has_one_time():
    """Passings of the same `ticks_ms` are of one time, however late each is told."""
    chip, race = start()
    chip.sleep(1000)
    at = chip.ms()
    for _ in range(8):
        race.passing(EPC, at=at)
        chip.sleep(0.3)
    assert len({one.time_us for one in stored(race)}) == 1


def test_long_silence_is_bridged():
    """Even after a month without a call the clock of the boot is right, by the calendar clock."""
    chip, race = start()
    chip.set_unix(1795000000)
    race.uptime._unix = chip.unix()
    chip.sleep(31 * 86400 * 1000)
    race.passing(EPC)
    assert abs(stored(race)[0].time_us - 31 * 86400 * 1000000) < 1000000


def test_another_owners_journal():
    """A journal of another serial number: kept, never counted as ours; ours goes on behind it."""
    _, race = start()
    flash = race.journal.flash
    race.open("10 km")
    for _ in range(30):
        race.passing(EPC)
    before = bytes(flash.data[:SECTOR])
    chip = make_chip(FCTRY, flash=flash, plan={"mac": [1, 2, 3, 4, 5, 6]})
    other = race_device(chip).race()
    assert other.state["session"] == "" and other.state["waiting"] == 0
    other.open("21 km")
    assert other.passing(EPC) == 31
    assert bytes(flash.data[:SECTOR]) == before
    _, back = start(flash)
    assert back.state["session"] == "10 km" and back.state["waiting"] >= 30


def test_marker_and_state():
    """A marker takes no number; the state is told as an event, and only when it changes."""
    chip, race = start()
    race.open("10 km")
    race.marker("gun")
    assert race.passing(EPC) == 1
    for _ in range(5):
        chip.sleep(1100)
        race.look_after()
    told = [fields for name, fields in chip.events if name == "race"]
    assert len(told) == 1 and told[0]["stored"] == 1 and told[0]["waiting"] == 1


def test_what_a_client_of_the_live_port_says_costs_nothing():
    """Thousands of different questions leave no memory behind: a VM keeps names for ever."""
    from startline_liveport.client import PortClient

    _, race = start()
    client = PortClient(race, None)
    kept = []
    for count in range(3000):
        client.answer("JUNK%d;1" % count)
        client.out = b""
        if count in (500, 2999):
            gc.collect()
            kept.append(gc.mem_alloc())
    assert kept[1] - kept[0] < 1024, kept

"""The time: bounds, agreement, rate, holdover, maps that never go back; all in virtual time."""

from struct import pack_into

import given
from race_chip import NOW, make_chip, race_device
from startline_online.sntp import agree, question, read
from startline_online.timekeeper import NTP, SOURCES, USB
from startline_race.time_points import points_of

with open(given.fctry, "rb") as file:
    FCTRY = file.read()


def start(flash=None, rate=None, **options):
    """Boot a reader and begin its race; at boot it is NOW."""
    chip = make_chip(FCTRY, flash=flash, **options)
    chip.rate = {} if rate is None else rate
    return chip, race_device(chip).race()


def true_utc(chip):
    """Return what UTC is, in microseconds."""
    return NOW * 1000000 + chip.true_us


def sample(chip, race, error_us=1000, width_us=2000, source=NTP):
    """Give the timekeeper a sample that is off by `error_us`, and known to half of `width_us`."""
    ahead = true_utc(chip) - race.uptime.now() + error_us
    race.keeper.take(ahead - width_us, ahead + width_us, source)


def off_ms(chip, race):
    """Return how far off the race's time is, in milliseconds."""
    return (race.keeper.utc_us() - true_utc(chip)) / 1000


def packet(nonce, received, sent, stratum=2, flags=0x24, kiss=b"RATE", root=0):
    """Return an answer; times in microseconds of Unix time."""
    raw = bytearray(48)
    raw[0], raw[1] = flags, stratum
    pack_into(">II", raw, 4, root, root)
    raw[12:16] = kiss
    raw[24:32] = nonce
    for at, us in ((32, received), (40, sent)):
        seconds, rest = divmod(us, 1000000)
        pack_into(
            ">II", raw, at, (seconds + 2208988800) & 0xFFFFFFFF, rest * 4294967296 // 1000000
        )
    return raw


def test_an_answer_bounds_the_time():
    """UTC lies between what the way there and the way back allow, root delay and all."""
    nonce = b"12345678"
    assert len(question(nonce)) == 48
    server = NOW * 1000000
    low, high = read(packet(nonce, server, server + 100), nonce, 5000000, 5040100)
    assert low <= server - 5020000 <= high
    assert abs(high - low - 40000) <= 2
    wider = read(packet(nonce, server, server + 100, root=65536 // 100), nonce, 5000000, 5040100)
    assert wider[0] < low - 9000 and wider[1] > high + 9000


def test_what_is_no_time():
    """Kiss-o'-death, stratum 0 and 16, unsynchronised, replayed, absurd: each has its word."""
    nonce = b"12345678"
    now = NOW * 1000000
    for word, answer in (
        ("kiss RATE", packet(nonce, now, now, stratum=0)),
        ("kiss DENY", packet(nonce, now, now, stratum=0, kiss=b"DENY")),
        ("unsynchronised", packet(nonce, now, now, flags=0xE4)),
        ("unsynchronised", packet(nonce, now, now, stratum=16)),
        ("replayed", packet(b"87654321", now, now)),
        ("absurd", packet(nonce, now, now, flags=0x23)),
        ("absurd", packet(nonce, now, now)[:40]),
        ("absurd", packet(nonce, 0, 0)),
        ("absurd", packet(nonce, 631152000 * 1000000, 631152000 * 1000000)),
        ("absurd", packet(nonce, now + 50000, now)),
        ("absurd", packet(nonce, now, now + 900000)),
        ("absurd", packet(nonce, now, now, root=5 * 65536)),
        ("absurd", b""),
    ):
        assert read(answer, nonce, 1000, 2000) == word, word
    zeros = bytearray(48)
    zeros[0], zeros[1] = 0x24, 2
    zeros[24:32] = nonce
    assert read(zeros, nonce, 1000, 2000) == "absurd"


def test_the_next_era():
    """Behind February 2036, where seconds since 1900 begin again, times go on."""
    nonce = b"12345678"
    later = 2100000000 * 1000000
    low, high = read(packet(nonce, later, later), nonce, 0, 1000)
    assert low <= later <= high


def test_agreement():
    """More than half have to have something in common; a liar is outvoted, and two must agree."""
    assert agree([]) is None
    assert agree([(1, 5)]) == (1, 5)
    assert agree([(1, 5), (4, 9)]) == (4, 5)
    assert agree([(1, 5), (6, 9)]) is None
    assert agree([(1, 5), (3000, 3005), (2, 8)]) == (2, 5)
    assert agree([(1, 5), (3000, 3005), (9, 12)]) is None
    assert agree([(0, 100), (40, 60), (1, 2), (45, 50)]) == (45, 50)


def test_bounds_narrow_and_widen():
    """Samples narrow what is known, time widens it, and the truth stays inside."""
    chip, race = start(ppm=10)
    assert race.keeper.quality() == ("none", 0)
    sample(chip, race, 20000, 30000)
    assert race.keeper.quality() == ("ntp", 31)
    sample(chip, race, -20000, 30000)
    assert race.keeper.quality()[1] <= 11
    assert abs(off_ms(chip, race)) < 1
    chip.sleep(1000000)
    _, error_ms = race.keeper.quality()
    assert error_ms > 40 and abs(off_ms(chip, race)) < error_ms
    chip.sleep(1000000)
    assert race.keeper.quality()[0] == "holdover"


def test_holdover_of_four_hours():
    """After two hours of samples, four hours without are within 20 ms at 10 ppm either way."""
    for ppm in (10, -10):
        chip, race = start(ppm=ppm)
        for count in range(14):
            sample(chip, race, 3000 if count & 1 else -2500, 4000)
            chip.sleep(512000)
        chip.sleep(4 * 3600 * 1000)
        assert abs(off_ms(chip, race)) < 20, (ppm, off_ms(chip, race))
        assert race.keeper.quality()[0] == "holdover"
        # The rate is kept: the next boot holds for as long from its first sample on.
        chip, race = start(rate=chip.rate, ppm=ppm)
        sample(chip, race, 500, 2000)
        chip.sleep(4 * 3600 * 1000)
        assert abs(off_ms(chip, race)) < 20, (ppm, off_ms(chip, race))


def test_a_step_is_told():
    """A time that contradicts what was known replaces it, and is told of."""
    chip, race = start()
    sample(chip, race, 3000000, 2000)
    chip.sleep(60000)
    sample(chip, race, 0, 2000)
    steps = [fields["step_ms"] for name, fields in chip.events if "step_ms" in fields]
    assert len(steps) == 1 and abs(steps[0] + 3000) < 5
    assert abs(off_ms(chip, race)) < 3


def test_the_calendar_is_set():
    """The calendar clock, by which certificates are judged, follows."""
    chip, race = start()
    sample(chip, race)
    assert abs(chip.unix() - NOW - chip.true_us // 1000000) <= 1


def line(race, points, first, last, before=None):
    """Return a map."""
    return race.keeper.map_for(race.journal.boot, points, first, last, before)


def test_late_time_dates_what_came_before():
    """Passings of an hour without a time are dated back, with the rate that was known."""
    chip, race = start(ppm=10, rate={"rate_ppb": -10000})
    chip.sleep(3600 * 1000)
    sample(chip, race, 0, 500)
    found = line(race, race.keeper.points, 1000000, 2000000)
    own = found.time_us
    assert own == 1000000
    true = NOW * 1000000 + own - own * 10 // 1000000
    assert abs(found.utc(own) - true) < 3000, found.utc(own) - true


def test_between_two_points_lies_a_line():
    """Between two points of a boot neither the rate that is thought of counts, nor any error."""
    chip, race = start(ppm=40)
    sample(chip, race, 0, 500)
    chip.sleep(8 * 3600 * 1000)
    middle = race.uptime.now()
    true = true_utc(chip)
    chip.sleep(8 * 3600 * 1000)
    sample(chip, race, 0, 500)
    points = [race.keeper.points[0], race.keeper.points[-1]]
    race.keeper.rate = 0
    found = line(race, points, middle, middle)
    assert abs(found.utc(middle) - true) < 1000


def test_times_never_go_backwards():
    """A map that was ahead is followed by one that catches up without turning back."""
    chip, race = start()
    sample(chip, race, 3000000, 2000)
    first = line(race, race.keeper.points, 0, 1000000)
    chip.sleep(60000)
    sample(chip, race, 0, 2000)
    before = first.utc(59000000)
    current = first
    for second in range(60, 240):
        found = line(race, race.keeper.points, second * 1000000, second * 1000000, current)
        utc = found.utc(second * 1000000)
        assert utc > before
        before = utc
        current = found
    assert abs(before - (NOW + 239) * 1000000) < 3000, before - (NOW + 239) * 1000000


def test_a_map_that_will_do_is_kept():
    """Maps that differ by less than a millisecond are one: no flash is spent on them."""
    chip, race = start()
    sample(chip, race, 0, 500)
    first = line(race, race.keeper.points, 0, 1000000)
    chip.sleep(10000)
    assert line(race, race.keeper.points, 10000000, 11000000, first) is first


def test_time_points_outlive_the_boot():
    """What a boot knew of the time is found again by the next, for its passings."""
    chip, race = start()
    flash = race.journal.flash
    chip.sleep(5000)
    sample(chip, race, 0, 500)
    race.passing("7F")
    boot = race.journal.boot
    _, again = start(flash)
    points = whole(points_of(again.keeper, again.journal, boot, 1))
    assert len(points) == 1 and abs(points[0].utc_us - (NOW + 5) * 1000000) < 1000
    assert whole(points_of(again.keeper, again.journal, boot + 7, 1)) == []


def whole(steps):
    """Return the value of a generator."""
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        return stop.value


def test_a_search_for_points_that_was_broken_off():
    """What it had not come to yet is not taken for not there: a boot may get its time late."""
    chip, race = start()
    for count in range(150):  # more than a sector
        race.passing("E2801160600002054C3A%04X" % count)
    sample(chip, race, 0, 500)
    boot = race.journal.boot
    _, again = start(race.journal.flash)
    next(points_of(again.keeper, again.journal, boot, 1))
    assert len(whole(points_of(again.keeper, again.journal, boot, 1))) == 1


def test_a_modules_clock():
    """The reader's program gives the time of its module, in either form."""
    chip, race = start()
    race.set_time(NOW * 1000 + chip.true_us // 1000, 5)
    assert race.keeper.quality() == ("module", 6)
    chip, race = start()
    race.set_time("2026-11-18T09:06:40.000Z", 100, USB)
    assert race.keeper.quality()[0] == SOURCES[USB]
    assert abs(race.keeper.utc_us() // 1000000 - 1795000000) < 100000
    for utc, error_ms in (("soon", 5), (NOW * 1000, -1), (5, 5), (NOW * 1000, 1.5)):
        try:
            race.set_time(utc, error_ms)
            raise AssertionError(utc)
        except (ValueError, TypeError):
            pass

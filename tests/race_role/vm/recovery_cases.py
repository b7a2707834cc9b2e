"""What a race makes of entries that are lost, of bits that flip late, and of a link that is away."""

import given
from race_chip import NOW, make_chip, race_device
from startline_race.errors import JournalFull
from startline_race.journal_format import (
    CLOSED,
    CLOSING,
    END,
    HEADER_SIZE,
    OPEN,
    PASSING,
    SENT,
    SESSION,
    Session,
    find_entry,
)

with open(given.fctry, "rb") as file:
    FCTRY = file.read()
EPC = "E2801160600002054C3A%04X"
TOKEN = "CD" * 32


def start(flash=None, **options):
    """Boot a reader that asks nobody for the time, and begin its race."""
    chip = make_chip(FCTRY, flash=flash, **options)
    race = race_device(chip).race()
    race.set_time(NOW * 1000, 2)
    race.sender().sync_due = 1 << 60
    return chip, race


def lose(flash, kind, last=0):
    """Have a bit flip in the newest entry of a kind in the first sector, or in one before it."""
    found = []
    entry = find_entry(memoryview(flash.data)[:4096], HEADER_SIZE)
    while entry:
        if entry[0] == kind:
            found.append(entry[1])
        entry = find_entry(memoryview(flash.data)[:4096], entry[3])
    flash.flip(found[-1 - last])


def open_at_the_cloud(race, ordinal=0):
    """Have the session that is wanted open, as the cloud would say."""
    session = Session()
    wanted = race.progress.wanted
    session.ordinal = ordinal or wanted.ordinal
    session.first = session.base = wanted.first
    session.alias = wanted.alias
    session.token = TOKEN
    race.progress.save_session(session, OPEN)
    return session


def tick(chip, race, times=6):
    """Let the sender look what there is to do."""
    for _ in range(times):
        chip.sleep(max(1, race.sender().tick()))


def told(chip, name):
    """List the events of that name."""
    return [fields for event, fields in chip.events if event == name]


def raced(count=4):
    """Race so far: a session is open at the cloud, and of its passings two are sent."""
    chip, race = start()
    race.open("10 km")
    for number in range(count):
        race.passing(EPC % number)
    open_at_the_cloud(race)
    race.progress.freeze(3)
    race.progress.sent(3, 2, 0)
    return chip, race


def test_the_last_passings_damaged():
    """Where nothing follows what is damaged, it is said all the same, and the race comes to rest."""
    _, race = raced()
    flash = race.journal.flash
    race.close()
    for _ in range(2):
        lose(flash, PASSING)
    chip, again = start(flash, plan={"wifi_status": 201})
    tick(chip, again)
    assert told(chip, "race_damaged") == [{"first": 3, "last": 4, "missing": 2}]
    assert again.progress.cursor == 5 and again.state["waiting"] == 0
    chip, again = start(flash, plan={"wifi_status": 201})
    tick(chip, again)
    assert not told(chip, "race_damaged")  # it is said once


def test_all_that_was_frozen_damaged():
    """Passings behind those that were about to be sent, and are lost, do not wait for them."""
    _, race = raced(6)
    flash = race.journal.flash
    race.progress.freeze(5)
    lose(flash, PASSING, 3)
    lose(flash, PASSING, 2)
    chip, again = start(flash, plan={"wifi_status": 201})
    tick(chip, again, 1)
    assert told(chip, "race_damaged") == [{"first": 3, "last": 4, "missing": 2}]
    assert again.progress.cursor == 5 and not again.progress.unsure
    tick(chip, again)
    assert again.state["reason"] != "idle"  # the next ones are on their way


def test_a_full_journal_outlives_restarts():
    """However often a reader restarts with a full journal, there is room to say what was sent."""
    _, race = raced()
    flash = race.journal.flash
    count = 4
    try:
        while True:
            count = race.passing(EPC % count)
    except JournalFull:
        pass
    for _ in range(500):
        race_device(make_chip(FCTRY, flash=flash)).race()
    _, again = start(flash)
    again.progress.sent(count + 1, count - 2, 0)
    assert again.state["waiting"] == 0
    again.journal.prepare(again.progress.keep_from(), 8)
    assert again.passing(EPC % 1) == count + 1


def test_a_closed_session_has_sent_all():
    """What is known of a later session, or of a closed one, stands for a SENT entry that is lost."""
    chip, race = start()
    race.open("10 km")
    race.passing(EPC % 1)
    race.close()
    race.open("5 km")
    race.passing(EPC % 2)
    first = open_at_the_cloud(race, 1)
    race.progress.sent(2, 1, 0)
    race.progress.save_session(first, CLOSING)
    race.progress.save_session(first, CLOSED)
    flash = race.journal.flash
    lose(flash, SENT)
    chip, again = start(flash, plan={"wifi_status": 201})
    tick(chip, again, 1)
    assert (again.progress.cursor, again.progress.session.ordinal) == (2, 2)
    assert not told(chip, "race_damaged")


def test_a_wish_that_is_lost():
    """A session that was opened was wanted: after its wish is lost, passings go on belonging to it."""
    _, race = raced()
    flash = race.journal.flash
    lose(flash, SESSION, 1)
    _, again = start(flash)
    assert again.state["session"] == "10 km" and again.progress.next_ordinal() == 1
    again.open("10 km")
    again.close()
    assert again.progress.next_ordinal() == 2


def test_an_end_that_is_lost():
    """A session that was closed at the cloud was closed here: no passing is put into it any more."""
    _, race = raced()
    race.close()
    race.progress.sent(5, 2, 0)
    race.progress.save_session(race.progress.session, CLOSING)
    flash = race.journal.flash
    for _ in range(2):
        lose(flash, END)
    _, again = start(flash)
    assert again.state["session"] == ""
    assert (again.progress.next_ordinal(), again.progress.free) == (2, 5)


def test_what_power_went_in_flips_later():
    """The last entry before a boot is written again: it may read back once, and then no more."""
    for kind in (SENT, SESSION, END):
        _, race = raced()
        if kind != SENT:
            race.close()
        if kind == SESSION:
            race.progress.save_session(race.progress.session, CLOSING)
        flash = race.journal.flash
        before = race.state
        _, again = start(flash)
        lose(flash, kind, 1)
        _, again = start(flash)
        for name in ("session", "sending", "sent", "waiting", "aside"):
            assert again.state[name] == before[name], (kind, name, again.state)


def test_entries_twice_count_once():
    """An entry that is written again changes nothing."""
    _, race = raced(6)
    progress = race.progress
    append = race.journal.append

    def twice(kind, payload, reserve=0):
        append(kind, payload)
        progress.apply(kind, payload)

    race.journal.append = twice
    progress.set_aside(3, 4, 0, 400)
    progress.note_there([5])
    progress.freeze(7)
    progress.doubt(6)
    progress.sent(6, 0, 1)
    assert (progress.aside, progress.there) == ([[3, 4, 0]], [])
    assert (progress.stored, progress.known, progress.unsure_count) == (2, 1, 1)


def test_a_passing_of_a_session_before_is_not_resent():
    """What was set aside in a session that is closed is not sent into the one that is open now."""
    import race_commands

    _, race = raced()
    race.progress.set_aside(3, 4, 0)
    race.close()
    race.progress.save_session(race.progress.session, CLOSED)
    race.open("5 km")
    race.passing(EPC % 9)
    open_at_the_cloud(race)
    try:
        race_commands.resend(3, 4)
        raise AssertionError("sent")
    except ValueError as error:
        assert "another session" in str(error)
    assert (race.progress.aside, race.progress.cursor) == ([[3, 4, 0]], 5)


def test_wifi_that_comes_back():
    """However long it was away, its return is noticed within seconds; no server is asked more."""
    chip, race = start(plan={"wifi_status": 201})
    race.open("10 km")
    race.passing(EPC % 1)
    sender = race.sender()
    while chip.true_us < 240 * 1000000:
        chip.sleep(max(1, sender.tick()))
    steps = {fields["step"] for fields in told(chip, "race_failed")}
    assert steps == {"link"}, (steps, chip.events[-4:])
    del chip.plan["wifi_status"]
    came = chip.true_us
    while not chip.station.joined:
        chip.sleep(max(1, sender.tick()))
    # At worst a join had just been asked for the last time, and the pause behind it is the longest.
    assert chip.true_us - came < (5 + 5 + 1) * 1000000
    assert sender._tries <= 1  # what was away is not held against the servers


def test_pauses_for_servers_stay():
    """A link that comes and goes between failures of a server does not shorten its pauses."""
    chip, race = start()
    sender = race.sender()
    for number in range(6):
        wait = sender._failed("answer", "status 503")
        assert wait >= (2000 << min(number, 4)) // 4
        sender._failed("link", "no_such_network")
    assert chip and sender._tries == 6

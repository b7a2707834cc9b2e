"""The time from real servers, in real time; the VM's own `time` tells what it should be."""

import time

import given
from race_chip import make_chip, race_device

with open(given.fctry, "rb") as file:
    FCTRY = file.read()


def run(servers, rounds=1, enough_ms=0):
    """Ask servers so many times; return the race, and the reasons that were told."""
    chip = make_chip(FCTRY, virtual=False)
    chip.station.joined = True
    race = race_device(chip).race()
    race.settings.servers = ",".join(servers)
    sender = race.sender()
    for _ in range(rounds):
        if race.keeper.known() and race.keeper.quality()[1] <= enough_ms:
            break
        sender.sync_due = 0
        start = chip.ms()
        asked = sender.sync.quick if sender.sync else 0
        while (not sender.sync or sender.sync.quick == asked) and chip.since(start) < 20000:
            race.send(50)
            time.sleep_ms(1)
    reasons = [fields["reason"] for name, fields in chip.events if "reason" in fields]
    return race, reasons


def off_ms(race):
    """Return how far off the race's time is, in milliseconds."""
    return (race.keeper.utc_us() - time.time_ns() // 1000) / 1000


def test_chrony():
    """A real chrony on loopback gives the time to a few milliseconds, fractions and all."""
    race, reasons = run([given.chrony])
    assert race.keeper.quality()[0] == "ntp", reasons
    assert abs(off_ms(race)) < 10, off_ms(race)
    assert abs(off_ms(race)) <= race.keeper.quality()[1]


def test_jitter():
    """Through 200 ms of jitter the bounds come down to 10 ms, and the truth is within."""
    race, reasons = run([given.jitter], 60, 10)
    assert abs(off_ms(race)) < 10, (off_ms(race), race.keeper.quality(), reasons)


def test_a_liar_is_outvoted():
    """Of three servers one is 3 s off: the two that agree decide."""
    race, _ = run([given.liar, given.chrony, given.honest])
    assert abs(off_ms(race)) < 10, off_ms(race)


def test_two_that_differ():
    """Of two servers that contradict each other neither is believed."""
    race, reasons = run([given.liar, given.chrony])
    assert not race.keeper.known() and "servers_differ" in reasons


def test_an_asymmetric_way():
    """A way that is slow in one direction only widens the bounds; the truth stays within."""
    race, reasons = run([given.asymmetric])
    assert abs(off_ms(race)) <= race.keeper.quality()[1] + 1, (off_ms(race), reasons)
    race, _ = run([given.asymmetric, given.chrony])
    assert abs(off_ms(race)) < 10, off_ms(race)


def test_what_is_no_time():
    """Kiss-o'-death, stratum 0, unsynchronised, zeros, long ago, silence: no time, and its reason."""
    for mode, word in (
        ("kiss", "kiss RATE"),
        ("deny", "kiss DENY"),
        ("stratum0", "kiss "),
        ("unsynchronised", "unsynchronised"),
        ("zeros", "absurd"),
        ("ancient", "absurd"),
    ):
        race, reasons = run([given.modes[mode]])
        assert not race.keeper.known() and word in reasons, (mode, reasons)


def test_replayed():
    """Only the first of answers that are always the same counts: it says nothing of later."""
    race, _ = run([given.modes["replayed"]])
    race, reasons = run([given.modes["replayed"]])
    assert not race.keeper.known() and "replayed" in reasons, reasons


def test_one_of_several_answers():
    """A single answer where several were asked counts only when it goes on alone."""
    servers = [given.modes["silent"], given.chrony]
    race, reasons = run(servers)
    assert not race.keeper.known() and "one_server" in reasons
    race, _ = run(servers, 3)
    assert abs(off_ms(race)) < 10

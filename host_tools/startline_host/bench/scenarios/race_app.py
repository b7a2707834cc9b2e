"""The bench's program for races, on the reader: it does what it is typed, and sends meanwhile."""

from __future__ import annotations

#: What its lines begin with that say "stored", "refused" (with a reason) and "done" (with a count).
STORED, REFUSED, DONE = "app: stored", "app: refused", "app: done"

RACE_APP = b"""\
import sys
import time
from select import POLLIN, poll

from startline_race.errors import JournalFull


def run(device, prefix):
    race = device.race()
    chips = prefix + "%020X"
    typed = poll()
    typed.register(sys.stdin, POLLIN)
    print("app: races")
    while True:
        if typed.poll(0):
            try:
                obey(race, chips, *sys.stdin.readline().strip().split(" ", 1))
            except (JournalFull, ValueError) as error:
                print("app: refused", type(error).__name__, error)
            print("app: done", race.state["stored"])
        race.send(20)
        time.sleep_ms(2)


def obey(race, chips, word, rest=""):
    if word == "open":
        race.open(rest)
    elif word == "go":
        race.open(race.state["session"])
    elif word == "close":
        race.close()
    elif word == "marker":
        race.marker(rest)
    elif word == "time":
        race.set_time(int(rest))
    elif word == "pass":
        for _ in range(int(rest)):
            store(race, chips)
            race.send(1)
    elif word == "long":
        first = number = race.state["stored"] + 1
        try:
            for number in range(first, first + int(rest)):
                race.passing(chips % number, bib="B" * 60, status="S" * 60)
                if not number & 15:
                    race.send(1)
            number += 1
        finally:
            print("app: stored %d-%d" % (first, number - 1))
    elif word == "see":
        chip, antenna, rssi = rest.split()
        store(race, chips, chip, antenna=int(antenna), rssi=int(rssi))
    elif word == "dated":
        store(race, chips, utc=rest)
    elif word == "restart":
        import machine

        machine.reset()
    else:
        raise ValueError(word)


def store(race, chips, chip="", **fields):
    chip = chip or chips % (race.state["stored"] + 1)
    print("app: stored", race.passing(chip, **fields), chip)
"""

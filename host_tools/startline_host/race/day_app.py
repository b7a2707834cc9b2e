"""The program of a race day's readers: two UHF modules at two UARTs, one session.

It says on the console of each passing once `passing()` has returned, so that whoever listens knows
what was promised. Pin 0 to ground closes the session.
"""

from __future__ import annotations

SESSION = "Race day"
#: What a line about a stored passing begins with; number and chip follow.
STORED = "stored:"
#: The input that closes the session when it is low.
CLOSE_PIN = "0"

APP = (
    f"""\
SESSION, STORED, CLOSE_PIN = {SESSION!r}, {STORED!r}, {CLOSE_PIN}
"""
    """\
import time
from binascii import hexlify

from machine import UART, Pin
from startline_race.errors import JournalFull

START = b"\\xbb\\x00\\x27\\x00\\x03\\x22\\xff\\xff\\x4a\\x7e"


class Module:
    def __init__(self, antenna, tx, rx):
        self.antenna = antenna
        self.uart = UART(antenna, 115200, tx=tx, rx=rx, rxbuf=8192, timeout=0)
        self.raw = b""
        self.heard = time.ticks_add(time.ticks_ms(), -1000)

    def read(self):
        data = self.uart.read(min(self.uart.any(), 512))
        if data:
            self.heard = time.ticks_ms()
        elif time.ticks_diff(time.ticks_ms(), self.heard) >= 1000:
            self.heard = time.ticks_ms()
            self.uart.write(START)
        raw = self.raw + (data or b"")
        at = raw.find(b"\\xbb")
        while at >= 0 and len(raw) > at + 4:
            end = at + 7 + (raw[at + 3] << 8 | raw[at + 4])
            if end > len(raw):
                break
            if raw[at + 1 : at + 3] == b"\\x02\\x22":
                rssi = raw[at + 5] - (raw[at + 5] >> 7 << 8)
                yield hexlify(raw[at + 8 : end - 4]).decode().upper(), rssi
            at = raw.find(b"\\xbb", end)
        self.raw = raw[at:] if at >= 0 else b""


def main(device):
    race = device.race()
    modules = Module(1, 17, 16), Module(2, 26, 25)
    pin = Pin(CLOSE_PIN, Pin.IN, Pin.PULL_UP)
    race.open(SESSION)
    last = 0
    while True:
        for module in modules:
            for chip, rssi in module.read():
                try:
                    number = race.passing(chip, antenna=module.antenna, rssi=rssi)
                except (JournalFull, ValueError) as error:
                    print(error)
                    continue
                if number > last:
                    last = number
                    print(STORED, number, chip)
        if race.state["session"] and not pin.value():
            race.close()
        race.send(20)
        time.sleep_ms(2)
"""
).encode()

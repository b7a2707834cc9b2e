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
TAG, LONGEST = b"\\xbb\\x02\\x22\\x00", 67  # a tag's frame begins so; parameters of a 62-byte EPC


def residue(data):
    \"\"\"Return the remainder of the tag's CRC-16: 0x1D0F if `data` ends with its right CRC.\"\"\"
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8 | crc << 8) & 0xFFFF ^ byte
        crc ^= (crc & 0xFF) >> 4
        crc ^= crc << 12 & 0xFFFF
        crc ^= (crc & 0xFF) << 5
    return crc


def split(raw):
    \"\"\"Return (EPC, RSSI in dBm) of each intact tag's frame, and what may yet become one.\"\"\"
    tags, at, rest = [], raw.find(b"\\xbb"), len(raw)
    while at >= 0:
        after = at + 1  # a good frame may begin within a bad one
        end = at + 7 + (raw[at + 4] if at + 4 < len(raw) else LONGEST)
        if TAG.startswith(raw[at : at + 4]) and 14 <= end - at <= LONGEST + 7:
            if end > len(raw):
                rest = min(rest, at)
            elif (
                raw[end - 1] == 0x7E
                and sum(raw[at + 1 : end - 2]) & 0xFF == raw[end - 2]
                and residue(raw[at + 6 : end - 2]) == 0x1D0F
            ):
                rssi = raw[at + 5] - (raw[at + 5] >> 7 << 8)
                tags.append((hexlify(raw[at + 8 : end - 4]).decode().upper(), rssi))
                after, rest = end, len(raw)
        at = raw.find(b"\\xbb", after)
    return tags, raw[rest:]


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
        tags, self.raw = split(self.raw + (data or b""))
        return tags


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

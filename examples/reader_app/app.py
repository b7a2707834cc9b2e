"""A timing reader: a usual UHF module (R200, M100 and their kin) on UART 1, a button, an LED.

Press the button to start a session that is named by its date, hold it for two seconds to close it.
Wiring, buffer and clock: "Time a race" in the book.
"""

import time

from machine import UART, Pin
from startline_race.errors import JournalFull
from uhf_frames import split

TX, RX, BUTTON, LED = 17, 16, 0, 2
BUFFER = 8192  # bytes: what the module says while a TLS handshake holds the loop for 2 s
START = b"\xbb\x00\x27\x00\x03\x22\xff\xff\x4a\x7e"  # look for tags 65,535 times
PRESS_MS, HOLD_MS, QUIET_MS = 50, 2000, 1000  # a module that is quiet for so long has stopped


class Module:
    """The UHF module, which is started again when it is quiet."""

    def __init__(self) -> None:
        self.uart = UART(1, 115200, tx=TX, rx=RX, rxbuf=BUFFER, timeout=0)
        self.raw = b""
        self.heard = time.ticks_add(time.ticks_ms(), -QUIET_MS)

    def read(self):
        """Return (EPC, RSSI in dBm) of each tag that was seen since the last call."""
        data = self.uart.read(min(self.uart.any(), 512))  # more than that would be no small heap's
        if data:
            self.heard = time.ticks_ms()
        elif time.ticks_diff(time.ticks_ms(), self.heard) >= QUIET_MS:
            self.heard = time.ticks_ms()
            self.uart.write(START)
        tags, self.raw = split(self.raw + (data or b""))
        return tags


def main(device) -> None:
    """Time races for ever; `device` is what the first boot has made of this reader."""
    race = device.race()
    module, button, led = Module(), Pin(BUTTON, Pin.IN, Pin.PULL_UP), Pin(LED, Pin.OUT)
    session, pressed = race.state["session"], None
    if session:
        race.open(session)  # after a restart in the middle of a race, go on with it
        led.on()
    while True:
        for chip, rssi in module.read():
            try:
                if session:
                    race.passing(chip, rssi=rssi)
            except (JournalFull, ValueError) as error:
                print(error)
        held = time.ticks_diff(time.ticks_ms(), pressed) if pressed is not None else 0
        if not button.value():
            pressed = time.ticks_ms() if pressed is None else pressed
        elif pressed is not None:
            pressed = None
            if session and held >= HOLD_MS:
                race.close()
                session = ""
            elif not session and PRESS_MS <= held < HOLD_MS:
                session = "%04d-%02d-%02d %02d:%02d" % time.gmtime()[:5]
                race.open(session)
            led.value(bool(session))
        race.send(20)
        time.sleep_ms(2)  # to save power

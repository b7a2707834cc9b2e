"""Improv Serial, version 1: a browser sets up the Wi-Fi over the console.

A packet is `IMPROV`, version, type, length, data and the sum of all before it, each one byte but
for the data (https://www.improv-wifi.com/serial/). Types: 1 state, 2 error, 3 command, 4 result.
States: 2 ready, 3 provisioning, 4 provisioned. Errors: 1 malformed, 2 no such command, 3 unable to
connect, 255 any other. A command is its number (1 Wi-Fi settings, 2 state, 3 device information, 4
scan), a length, and that many bytes.

Every command holds a 3, which is Ctrl-C. So no character interrupts while this listens; a 3 that
stands in no packet ends what runs all the same, as Ctrl-C does, and what else comes is dropped.
"""

import sys
from select import poll

import startline
from startline.net import StepFailed

if False:  # for mypy; a device has none of these
    from collections.abc import Callable
    from typing import Any


def main() -> None:
    """Do what `startline.main` does, and listen to a browser before an app starts, or without one."""
    from micropython import kbd_intr

    kbd_intr(-1)
    listener = ImprovListener(kbd_intr)
    startline.first_boot = listener.first_boot  # type: ignore[assignment] # in its place
    try:
        startline.main()
        if listener.device and "app" not in sys.modules:
            listener.serve(False)
    finally:
        kbd_intr(3)


class ImprovListener:
    """Answers a browser during a first boot, and after it."""

    def __init__(self, kbd_intr: "Callable[[int], None]") -> None:
        self.kbd_intr = kbd_intr
        self.boot = startline.first_boot
        self.device: Any = None
        self.busy = 2  # 2: with an attempt to bind, 1: with a join
        self.packet = bytearray()
        self.began = self.heard = 0  # ms: the packet; the last one that was whole
        self.limit = 10000  # ms to wait for the next one
        self.command = b""  # what takes long, and is carried out next
        self.input = poll()
        self.input.register(sys.stdin, 1)
        self.read = sys.stdin.buffer.read

    def first_boot(self, hal: "Any") -> "Any":
        """Return the device of `startline.first_boot`, when it is time for an app to start.

        An attempt to bind listens wherever it waits. A command that takes long ends the attempt: to
        that it looks as if its time was over.
        """
        if hal:
            self.chip = chip = hal.full()
            self.since = since = chip.since
            chip.sleep = self.wait
            chip.since = lambda ms: 1 << 28 if self.is_called() else since(ms)
            hal.full = lambda: chip
        self.device = self.boot(hal)
        self.busy = 0
        self.serve(True)
        return self.device

    def is_called(self) -> bool:
        """Tell whether an attempt has to end."""
        return self.busy > 1 and self.command != b""

    def serve(self, briefly: bool) -> None:
        """Let a browser set up the Wi-Fi of a device that is not bound, and bind it then.

        `briefly` is before an app starts: 10 s, and longer while somebody is at it, 5 minutes at
        most. A bound device waits only after a power-on, for the 10 s from then, and none waits
        while a race is open. No Exception comes out of this; KeyboardInterrupt does, for Ctrl-C.
        """
        device = self.device
        try:
            self.kbd_intr(-1)
            device.hal.full = lambda: self.chip
            identity = device.identity
            # With the cable as its link, the console belongs to that.
            if (
                identity.values.get("set.improv", identity.missing)
                and identity.text("net.link") != "usb"
                and not (briefly and self.is_timing())
            ):
                self.listen(briefly)
            del device.hal.full  # an app has the console for itself
        except Exception:  # it is to start, whatever fails here
            pass
        self.kbd_intr(3)
        if device.state == "bound":
            sys.modules.pop(__name__, None)

    def is_timing(self) -> bool:
        """Tell whether a race is open: power failed in the middle of it, and the app has to go on."""
        try:
            from startline_race import is_open

            return is_open(self.device)  # it wants a role of its own, which may be missing as well
        except ImportError:
            return False

    def listen(self, briefly: bool) -> None:
        """Listen until the device is bound, or `briefly`, until it is time for the app."""
        device = self.device
        chip = self.chip
        start = self.heard = chip.ms()
        if device.state == "bound":
            if not chip.powered_on():
                return
            start = self.heard = 0
        device.print_line("Waiting for Wi-Fi settings (Improv); Ctrl-C for the prompt")
        while briefly or device.state != "bound":
            if briefly and (self.since(self.heard) > self.limit or self.since(start) > 300000):
                return
            self.wait(100)
            command = self.command
            self.command = b""
            if command:
                (self.scan if command[0] == 4 else self.provision)(command)

    def wait(self, ms: int) -> None:
        """Take in what comes for so long. Raises KeyboardInterrupt for Ctrl-C."""
        start = self.chip.ms()
        left = ms
        while left > 0 and not self.is_called() and self.input.poll(left):
            self.take(self.read(1)[0])
            left = ms - self.since(start)

    def take(self, byte: int) -> None:
        """Take in a byte; one that can stand in no packet begins the next."""
        packet = self.packet
        # A packet that never ends must not swallow every Ctrl-C.
        if not packet or self.since(self.began) > 5000:
            packet = bytearray()
            self.began = self.chip.ms()
        packet.append(byte)
        self.packet = packet
        size = len(packet)
        if size <= 6:
            if byte != b"IMPROV"[size - 1]:
                if byte == 3:
                    raise KeyboardInterrupt
                self.packet = bytearray(b"I" if byte == 73 else b"")
        elif size > 9:
            if size == 10 + packet[8]:
                self.packet = bytearray()
                self.answer(packet)
        elif size == 9 and byte > 110:  # more than any command has
            self.packet = bytearray()
            self.send(2, b"\1")

    def answer(self, packet: bytearray) -> None:
        """Answer a packet that is whole, or keep its command for later."""
        data = packet[9:-1]
        if packet[6] != 1 or packet[7] != 3:
            return
        if sum(packet[:-1]) & 255 != packet[-1] or len(data) < 2 or data[1] != len(data) - 2:
            self.send(2, b"\1")
            return
        self.heard = self.chip.ms()
        self.limit = 60000  # somebody types a password
        command = data[0]
        if command == 2:
            joined = self.chip.wlan().isconnected()
            self.send(1, b"\4" if joined else b"\3" if self.busy else b"\2")
            if joined:
                self.result(2)
        elif command == 3:
            chip = sys.implementation._machine.split(" ")[-1]  # noqa: SLF001 - the one way
            self.result(
                3,
                "Startline",
                startline.__version__,
                chip,
                getattr(self.device, "serial", "") or "Reader",
            )
        elif command in (1, 4):
            self.command = data
        else:
            self.send(2, b"\2")

    def scan(self, _: object) -> None:
        """Name the networks in reach, the strongest first, each once; hidden ones have no name."""
        seen = [b""]
        try:
            wlan = self.chip.wlan()
            wlan.active(True)
            if not wlan.isconnected():
                wlan.disconnect()  # what still joins takes no scan
            for one in sorted(wlan.scan(), key=lambda one: -one[3]):
                if one[0] not in seen and len(seen) < 20:
                    seen.append(one[0])
                    self.result(4, one[0], str(one[3]), "YES" if one[4] else "NO")
            self.result(4)
        except (OSError, RuntimeError, MemoryError):
            self.send(2, b"\xff")

    def provision(self, data: bytes) -> None:
        """Join a network, store its name and password in `nvs`, and try to bind."""
        size = data[2] if len(data) > 2 else 0
        name = bytes(data[3 : 3 + size])
        password = bytes(data[4 + size :])
        if not 0 < size <= 32 or data[3 + size : 4 + size] != bytes((len(password),)):
            self.send(2, b"\1")
            return
        self.send(1, b"\3")
        self.busy = 1
        error = self.join(name, password)
        self.busy = 0
        if error:
            self.send(2, error)
            self.send(1, b"\2")
            return
        self.send(1, b"\4")
        self.result(1)
        self.limit = 10000
        if self.device.state != "bound":
            self.busy = 2
            self.device.attempt(True)
            self.busy = 0
        self.heard = self.chip.ms()

    def join(self, name: bytes, password: bytes) -> bytes:
        """Return the error for which a network is not joined, or not stored; b"" for none."""
        from startline.net.wifi import WifiLink

        emit = self.device.emit
        identity = self.device.identity
        values = identity.values
        before = values.copy()
        values["net.ssid"] = name
        values["net.password"] = password
        error = b"\3"
        try:
            # What is no text would be read as no password, and join an open network.
            if not password or 7 < len(identity.text("net.password")) < 65:
                link = WifiLink(self.chip, identity)
                link.wlan = self.chip.wlan()
                link.down()
                left = 40
                while link.wlan.isconnected() and left:
                    self.wait(50)
                    left -= 1
                emit("link", {"kind": "wifi", "phase": "join"})
                link.up(20000)
                error = b"\xff"
                nvs = self.chip.nvs("net")
                nvs.set_blob("ssid", name)
                nvs.set_blob("password", password)
                nvs.commit()
                return b""
        except StepFailed as failed:
            emit("failed", {"step": "link", "reason": failed.args[1]})
        except OSError:
            pass
        identity.values = before
        return error

    def result(self, command: int, *texts: "str | bytes") -> None:
        """Send what a command came to: texts."""
        data = b""
        for text in texts:
            raw = text.encode() if isinstance(text, str) else text
            data += bytes((len(raw),)) + raw
        self.send(4, bytes((command, len(data))) + data)

    def send(self, kind: int, data: bytes) -> None:
        """Send a packet."""
        packet = b"IMPROV\1" + bytes((kind, len(data))) + data
        sys.stdout.buffer.write(packet + bytes((sum(packet) & 255, 10)))

"""The one place that knows mpremote's transport, which is no stable API and therefore pinned.

Raw REPL, raw paste and their flow control are mpremote's; how to get in, and how long to wait, is
decided here.
"""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mpremote
import serial
from mpremote import transport_serial
from mpremote.transport import TransportError, TransportExecError, _convert_filesystem_error

from startline_host.device.library_patches import silence_mpremote
from startline_host.device.port import Port
from startline_host.errors import DeviceSilent
from startline_host.util import Deadline, PatientDeadline, printable

_BANNER = b"raw REPL; CTRL-B to exit\r\n"
_SOFT_REBOOT = b"soft reboot\r\n"
_PROMPT = b">>> "
_CTRL_A, _CTRL_C, _CTRL_D = b"\x01", b"\x03", b"\x04"

#: What a boot ROM or second-stage boot loader says when there is no application to run.
_NO_APPLICATION = (b"invalid header: 0x", b"flash read err", b"waiting for download")
#: What the boot loader of ESP-IDF prints where no application's checksum and hash are right.
_UNSOUND_APPLICATION = b"No bootable app"

#: What the port prints, over and over, when `vfs` is not blank and does not mount.
_CORRUPTED = b"filesystem appears to be corrupted"

# Seconds: how long one asking waits, how long a storm lasts, and its steps.
_PATIENCE = 0.7
_STORM = 0.6
_SETTLE = 2.0
_PAUSE = 0.05
_SLICE = 0.2
#: Has the prompt say a word, by names that no program can have taken.
_SAY = "import sys\nsys.stdout.write('%s\\n')\n"
#: While a chip starts: bytes of Ctrl-C at a time, and the seconds between, far below any line's rate.
_BURST, _GAP = 4, 0.002
#: More bytes than any answer has.
_FLOOD = 1 << 18
#: What is kept of the past, to find words that came in two pieces.
_TAIL = 4096


#: What to do about a chip that has nothing to run, whatever it was before.
_LOOK = "What it holds and what to do next: startline inspect, which reads it by its boot loader."


class DeviceRaised(Exception):
    """Code that ran on the device ended in an exception that the host has no equal for."""

    def __init__(self, traceback: str) -> None:
        lines = [line for line in traceback.strip().splitlines() if line.strip()]
        super().__init__(printable(lines[-1]) if lines else "no reason given")
        self.traceback = traceback


class UnsoundApplication(DeviceSilent):
    """The boot loader checked the application, and does not start it."""


class NoFileSystem(DeviceSilent):
    """The port's own start-up code found the file system damaged, and stays with saying so."""


class NoPrompt(DeviceSilent):
    """A device that gives up no prompt; `heard` tells whether it printed anything meanwhile."""

    def __init__(self, heard: bytes) -> None:
        self.heard = bool(heard.strip(b"\x00"))
        if self.heard:
            super().__init__(
                "The device is running, but its program does not give up the prompt.",
                "Press RESET on it and run the command again at once.",
            )
        else:
            super().__init__("The device is silent.", "Check its power, and the cable.")


class _PortTransport(transport_serial.SerialTransport):  # type: ignore[misc]
    """mpremote's transport on a port that is open already, with an end to every wait."""

    def __init__(self, port: Port) -> None:
        # The parent's constructor opens a port, with DTR and RTS its own way: not called.
        self.port = port
        self.device_name = port.url
        self.in_raw_repl = False
        self.use_raw_paste = True
        self.mounted = False
        self.is_pty = False
        #: What mpremote takes for a pyserial object: its reads end as well.
        self.serial = _BoundedLine(port)

    def read_until(
        self,
        min_num_bytes: int,
        ending: bytes,
        timeout: float | None = None,
        data_consumer: Callable[[bytes], None] | None = None,
        timeout_overall: float | None = None,
    ) -> bytes:
        """Read up to `ending`, or until the deadline; the caller sees which by the data's end."""
        data = b""
        while not data.endswith(ending) and (new := self.serial.read(1)):
            if data_consumer is not None:
                data_consumer(new)
            data = new if data_consumer is not None else data + new
        return data


class _BoundedLine:
    """A port's line, as far as mpremote's transport uses one.

    A read of pyserial's own ends after the seconds that the line was opened with, whatever a device
    is allowed.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._deadline = Deadline(0)
        self._heard = 0
        self._late = False

    def allow(self, deadline: Deadline) -> None:
        """Let reads wait until then from now on, all of them together."""
        self._deadline = deadline
        self._heard = 0
        self._late = False

    @property
    def is_late(self) -> bool:
        """Whether that time has come; a device that floods the line is not waited for longer.

        It stays so until more is allowed: whoever gave up is told why, though a patient deadline
        grows with the work of this computer.
        """
        if not self._late:
            self._late = self._deadline.over and (self._heard > _FLOOD or self._deadline.expired)
        return self._late

    def read(self, size: int = 1) -> bytes:
        """Return `size` bytes; fewer at the end. Raises SerialException where nobody is left."""
        line = self._port.line  # another one once the port has come back
        data = b""
        while len(data) < size and not self.is_late:
            if line.in_waiting:
                data += line.read(1)
                self._heard += 1
            elif self._port.has_ended:
                raise serial.SerialException("the connection has ended")
            else:
                time.sleep(0.001)
        return data

    def write(self, data: bytes) -> None:
        """Send."""
        self._port.line.write(data)

    def inWaiting(self) -> int:  # noqa: N802 - pyserial's old name
        """Return how many bytes have come."""
        return int(self._port.line.in_waiting)


class RawRepl:
    """The raw REPL of the device at an open port.

    Its limits are for a device at a computer that has time: see PatientDeadline.
    """

    def __init__(self, port: Port) -> None:
        silence_mpremote(transport_serial, mpremote.__version__)
        self.port = port
        self._transport = _PortTransport(port)

    def enter(self, seconds: float) -> None:
        """Interrupt what runs and get to the raw REPL, trying harder as time goes by.

        Asking, with a pause for a chip that is just booting, takes turns with a storm of Ctrl-C,
        for code that catches it and for a device that restarts over and over. Raises DeviceSilent
        at the end of `seconds`, and at once where the chip says that it has nothing to run.
        """
        deadline = PatientDeadline(seconds)
        heard = self._ask(deadline.at_most(_PATIENCE))
        while _BANNER not in heard or not self._settle():
            _check_hope(heard, deadline)
            heard = heard.replace(_BANNER, b"")  # an old one promises nothing
            heard += self._storm(deadline.at_most(_STORM))
            heard += self._ask(deadline.at_most(_PATIENCE))

    def catch(self, seconds: float) -> None:
        """Get to the raw REPL of a chip that is just starting, before its own program can refuse.

        Until a program says otherwise (`micropython.kbd_intr(-1)`) Ctrl-C interrupts it: so one
        after the other is sent from the first moment on. Raises as `enter` does.
        """
        deadline = PatientDeadline(seconds)
        heard = b""
        while _PROMPT not in heard:
            _check_hope(heard, deadline)
            self.port.write(_CTRL_C * _BURST)
            heard = heard[-_TAIL:] + self.port.read(_GAP)
        self.enter(max(deadline.remaining, _SETTLE))

    def soft_reset(self, seconds: float = 10.0) -> bool:
        """Start the interpreter afresh, boot.py included, main.py not, and stay in raw REPL.

        Returns False where the device did not come back; `enter` gets it again. Raises
        NoFileSystem where its file system turns out not to mount.
        """
        deadline = PatientDeadline(seconds)
        heard = b""
        with self._bounded():
            self.port.write(_CTRL_D)
            while not deadline.expired:
                self._transport.serial.allow(deadline.at_most(_SLICE))
                heard += self._transport.read_until(1, _BANNER)
                if _BANNER in heard.partition(_SOFT_REBOOT)[2]:
                    return True
                if _CORRUPTED in heard:
                    raise NoFileSystem("The device's file system is damaged.")
        return False

    def execute(
        self, code: str, seconds: float, take: Callable[[bytes], None] | None = None
    ) -> bytes:
        """Run code on the device and return what it printed, or hand it to `take` as it comes.

        Raises DeviceRaised, an OSError where the device raised one, or DeviceSilent at the end of
        `seconds`.
        """
        self._transport.serial.allow(PatientDeadline(seconds))
        with self._bounded():
            try:
                return bytes(self._transport.exec(code, take))
            except TransportExecError as error:
                raised: Any = _convert_filesystem_error(error, "")
        if isinstance(raised, OSError):
            raise raised
        raise DeviceRaised(raised.error_output)

    def start(self, code: str, seconds: float = 5.0) -> None:
        """Run code on the device and do not wait for its end, since it may never answer."""
        self._transport.serial.allow(PatientDeadline(seconds))
        with self._bounded():
            self._transport.exec_raw_no_follow(code)

    def leave(self) -> None:
        """Go back to the friendly REPL."""
        self.port.write(b"\r\x02")

    def _ask(self, deadline: Deadline) -> bytes:
        """Interrupt, ask for the raw REPL, and return what came, up to the banner if it did."""
        self.port.write(b"\r" + _CTRL_C + _CTRL_C)
        heard = self.port.read(_PAUSE)
        self.port.write(b"\r" + _CTRL_A)
        with self._bounded():
            while not (deadline.expired or _BANNER in heard or _nothing_to_run(heard)):
                self._transport.serial.allow(deadline.at_most(_SLICE))
                heard += self._transport.read_until(1, _BANNER)
        return heard

    def _storm(self, deadline: Deadline) -> bytes:
        heard = b""
        while not deadline.expired:
            self.port.write(_CTRL_C)
            heard += self.port.read(_PAUSE)
        return heard

    def _settle(self) -> bool:
        """Stop behind exactly one prompt; tell whether it is there.

        What several askings may still bring comes before what the last one is answered.
        """
        word = secrets.token_hex(4)
        self.port.write((_SAY % word).encode() + _CTRL_D)
        self._transport.serial.allow(PatientDeadline(_SETTLE))
        said = b"OK%s\r\n\x04\x04" % word.encode()
        with self._bounded():
            return self._transport.read_until(1, said).endswith(said)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        try:
            yield
        except (TransportError, struct.error) as error:
            late = self._transport.serial.is_late
            self._see_whether_it_is_there()
            reason = "did not answer in time" if late else f"answered {printable(str(error))}"
            raise DeviceSilent(
                f"The device at {self.port.url} {reason}.", "Run the command again."
            ) from None
        except OSError as error:
            raise self.port.gone(error) from None

    def _see_whether_it_is_there(self) -> None:
        """Read on for a moment: mpremote takes the end of a remote port for an odd answer.

        Raises NoSuchPort where nobody is at the other end.
        """
        moment = Deadline(_SLICE)
        while not moment.expired and self.port.read(_PAUSE):
            continue


def _check_hope(heard: bytes, deadline: Deadline) -> None:
    """Raise DeviceSilent where no prompt will come any more, and say why."""
    if _UNSOUND_APPLICATION in heard:
        raise UnsoundApplication(
            "The application in the device's flash is damaged or missing, so it has no prompt.",
            _LOOK,
        )
    if _nothing_to_run(heard):
        raise DeviceSilent("The chip has no application to run, so it has no prompt.", _LOOK)
    if _CORRUPTED in heard:
        raise NoFileSystem("The device's file system is damaged.")
    if deadline.expired:
        raise NoPrompt(heard)


def _nothing_to_run(heard: bytes) -> bool:
    return any(words in heard for words in _NO_APPLICATION)

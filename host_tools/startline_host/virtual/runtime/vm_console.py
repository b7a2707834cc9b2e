r"""The line between the VM and the process that runs it: console bytes, and words beside them.

What the VM prints is text; its "\n" becomes "\r\n" on the other side, as the port cooks it.
Everything else is a frame in the same stream: PREFIX (5 bytes of this life's own making), a
kind, a length of 2 bytes little endian, the payload. Kinds: `R` raw bytes for the line, `C` a
word for the process: `i<char>` and `r` or `f` (this character interrupts from now on, what the
raw or the friendly prompt runs), `o<number>` (nothing does any more), `k` (an interrupt is about to be taken), `h` (have patience), `a` (a signal came
when it could not be taken: once more), `w<ms>` (feed the watchdog), `p<pin> <level>` (an output
changed), `t<uart><bytes>` (sent by a UART), `b<uart> <baud> <on>` (its rate, and whether its
receiver is on), `l<uart> <count>` (so many bytes found no room in it), `c<json>` and `f<json>` (the
clock was set, a file was changed, see file_times.py), `x<reason>` (end of this life).

The other way goes the control pipe: after the configuration single bytes. `!` asks the program
to stop. It is looked for wherever the program calls into the port, since there the VM is in
order, and never within what is C on a chip: flash, NVS and file systems would be left half done.
After a while `?` insists: whatever is within such an operation then asks for patience (`h`).
Only a program that computes on and on gets a signal, which this VM acts upon at any point, even
in the middle of its garbage collector. The answer to `k` is `y`, or `n` when a signal has done
it already; the answer to `o` is its number, after which no interrupt of the time before can
still come.
"""

import select
import sys

from . import heap

_FRAME = 4000
"""A frame goes into the pipe whole or not at all: a write of at most 4096 bytes does."""
_NUMBERS = 32
_INSISTENT = 2
_STOP = 0x21
_AT_ONCE = 0x3F


def _forever() -> int:
    return -1


class VmConsole:
    """The VM's end of the line; `control` is a binary file, unbuffered.

    `idle` is called while a byte is awaited: it does what is due and returns for how many
    milliseconds there is nothing to do (-1: for ever).
    """

    def __init__(self, prefix: bytes, control) -> None:
        self._prefix = prefix
        self._out = sys.stdout.buffer
        self._in = sys.stdin.buffer
        self._control = control
        self._words = select.poll()
        self._words.register(control, select.POLLIN)
        self._input = select.poll()
        self._input.register(self._in, select.POLLIN)
        self._either = select.poll()
        self._either.register(self._in, select.POLLIN)
        self._either.register(control, select.POLLIN)
        self._unread: list = []
        self._armed = False
        self._raw = False
        self._wanted = 0
        self._number = 0
        # Made in time: a VM with a locked heap can make nothing any more.
        self._rescue_raw = b"\x04KeyboardInterrupt: \n\x04" + prefix + b"C\x0b\x00xrescue raw"
        self._rescue = b"KeyboardInterrupt: \n" + prefix + b"C\x10\x00xrescue friendly"
        self._patience = prefix + b"C\x01\x00h"
        self._heard = bytearray(1)
        self._words.ipoll(0)  # the first one takes memory
        self.idle = _forever

    def say(self, text: str) -> None:
        """Print text; a line feed ends a line."""
        self._out.write(text)

    def raw(self, data: bytes) -> None:
        """Put bytes on the line as they are."""
        view = memoryview(data)
        while view:
            self._frame(b"R", view[:_FRAME])
            view = view[_FRAME:]

    def read(self) -> int:
        """Return the next byte from the line; ends the VM when the line is gone."""
        if self._unread:
            return self._unread.pop(0)
        pause = self.idle()
        while self._armed or pause >= 0:
            poll = self._either if self._armed else self._input
            for item in poll.ipoll(pause):
                if not self.heard(item[0]):
                    return self._take()
            pause = self.idle()
        return self._take()

    def has_input(self) -> bool:
        """Tell whether a byte is there to be read."""
        return bool(self._unread or self._input.poll(0))

    def unread(self, byte: int) -> None:
        """Let `read` return a byte first that came in another way."""
        self._unread.append(byte)

    def check(self) -> None:
        """Raise KeyboardInterrupt if the program is asked to stop: called wherever it may."""
        if self._armed and not heap.depth:
            for _ in self._words.ipoll(0):
                self._hear()
            if self._wanted:
                self._claim()

    def stay(self) -> None:
        """Ask for patience if the program is to stop, within an operation that is C on a chip.

        The garbage collector comes here too, so nothing may be allocated.
        """
        if self._armed:
            for _ in self._words.ipoll(0):
                self._hear()
            if self._wanted == _INSISTENT:
                self._out.write(self._patience)

    def watch(self, poll) -> None:
        """Let a poll object return for this, too; `heard` then takes it up."""
        poll.register(self._control, select.POLLIN)

    def heard(self, item) -> bool:
        """Tell whether an item of a watched poll was for this; raises KeyboardInterrupt."""
        if item is not self._control:
            return False
        self.check()
        return True

    def wait(self, milliseconds: int) -> None:
        """Sleep, or raise KeyboardInterrupt as soon as the program is asked to stop."""
        self._words.poll(milliseconds)
        self.check()

    @property
    def armed(self) -> bool:
        """Whether a character interrupts."""
        return self._armed

    def run_from(self, raw: bool) -> None:
        """Note which prompt the next program is run from: its end is told in that one's way."""
        self._raw = raw

    def interruptible(self, char: int) -> bool:
        """Let `char` interrupt from now on, or nothing (-1).

        Returns whether an interrupt came while it was being switched off.
        """
        if char < 0:
            return self._switch_off()
        self._armed = True
        self._frame(b"C", b"i" + bytes((char,)) + (b"r" if self._raw else b"f"))
        return False

    def _switch_off(self) -> bool:
        """A signal may come at any point of this: then it starts anew, with another number."""
        try:
            self._number = (self._number + 1) % _NUMBERS
            self._frame(b"C", b"o" + bytes((self._number,)))
            while self._control.read(1)[0] != self._number:
                pass
            self._armed = False
            self._wanted = 0
            return False
        except KeyboardInterrupt:
            return self._switch_off() or True

    def interrupt_again(self) -> None:
        """Ask for an interrupt that came at a moment when C code would not have seen it."""
        self._frame(b"C", b"a")

    def feed_watchdog(self, milliseconds: int) -> None:
        """Ask for a reset unless this is called again within a time."""
        self._frame(b"C", b"w%d" % milliseconds)

    def show_pin(self, pin: int, level: int) -> None:
        """Tell that the program put another level on a pin."""
        self._frame(b"C", b"p%d %d" % (pin, level))

    def word(self, text: str) -> None:
        """Tell the process something."""
        self._frame(b"C", text.encode())

    def send_uart(self, number: int, data) -> None:
        """Put bytes on a UART's line."""
        view = memoryview(data)
        while view:
            self._frame(b"C", b"t%d" % number + view[:_FRAME])
            view = view[_FRAME:]

    def end(self, reason: str) -> None:
        """End this life: the process kills the VM, so nothing of the program is run any more."""
        while True:
            try:
                self._frame(b"C", b"x" + reason.encode())
                while self._control.read(1):
                    pass
                raise SystemExit  # the process is gone
            except KeyboardInterrupt:
                pass

    def end_if_broken(self) -> None:
        """Start the VM anew, at the prompt, if a signal hit its collector: the heap stays locked.

        For the other side it looks like the interrupt that it was, but for the names lost.
        """
        try:
            bytearray(64)
        except MemoryError:
            self._out.write(self._rescue_raw if self._raw else self._rescue)
            while True:
                pass

    def _take(self) -> int:
        byte = self._in.read(1)
        if not byte:
            raise SystemExit
        return byte[0]

    def _hear(self) -> None:
        """Take a byte of the control pipe; it may be an answer that came too late."""
        if not self._control.readinto(self._heard):
            raise SystemExit
        if self._heard[0] == _STOP:
            self._wanted = self._wanted or 1
        elif self._heard[0] == _AT_ONCE and self._wanted:
            self._wanted = _INSISTENT

    def _claim(self) -> None:
        self._wanted = 0
        self._frame(b"C", b"k")
        answer = b""
        while answer not in (b"y", b"n"):
            answer = self._control.read(1)
        if answer == b"y":
            raise KeyboardInterrupt

    def _frame(self, kind: bytes, payload) -> None:
        size = len(payload)
        self._out.write(self._prefix + kind + bytes((size & 255, size >> 8)) + payload)


class SilentConsole:
    """The console of a chip without a line, for a harness that runs lives in one VM."""

    armed = False

    def check(self) -> None:
        pass

    def stay(self) -> None:
        pass

    def watch(self, poll) -> None:
        pass

    def heard(self, item) -> bool:
        return False

    def wait(self, milliseconds: int) -> None:
        select.poll().poll(milliseconds)

    def interruptible(self, char: int) -> bool:
        return False

    def interrupt_again(self) -> None:
        pass

    def feed_watchdog(self, milliseconds: int) -> None:
        pass

    def show_pin(self, pin: int, level: int) -> None:
        pass

    def end(self, reason: str) -> None:
        raise SystemExit(reason)


def uninterrupted(console, function, *args):
    """Call what is C on a chip, and so not interrupted: again when a signal got in between."""
    try:
        return function(*args)
    except KeyboardInterrupt:
        pass
    result = function(*args)
    console.interrupt_again()
    return result

"""`machine.UART`: the serial ports beside the one of the prompt."""

import io as _io

from .. import uart_driver as _uart
from ..buffers import byte_view as _byte_view
from ..buffers import c_int as _c_int
from ..buffers import writable_view as _writable_view
from ..chip import current as _current
from ..peripherals import only as _only
from ..pin_numbers import can_drive as _can_drive
from ..pin_numbers import check_pin as _check_pin
from ..timers import run_due as _run_due
from .time import sleep_us as _sleep_us

_COUNT = 3
_REPL = 0
_PINS = {1: (10, 9, -1, -1), 2: (17, 16, -1, -1)}
"""TX, RX, RTS and CTS as the port has them; -1 is none."""
_POLL = 3
_READ, _WRITE = 1, 4
_FLUSH = 1
_INVALID = -22
_INVERTIBLE = ((32, "INV_TX"), (4, "INV_RX"), (64, "INV_RTS"), (8, "INV_CTS"))
_FLOWS = ((1, "RTS"), (2, "CTS"))
_PARITIES = ("None", "1", "0")


class _Irq:
    """What `UART.irq` returns."""

    def __init__(self, driver) -> None:
        self._driver = driver

    def __repr__(self) -> str:
        return "<irq>"

    def __call__(self) -> None:
        """Call the handler."""
        self._driver.handler()

    def trigger(self, *trigger) -> int:
        """Return the triggers, or set others."""
        old = self._driver.trigger
        if trigger:
            self._driver.trigger = trigger[0]
        return old

    def flags(self) -> int:
        """Return what the handler was last called for."""
        return self._driver.flags


class UART(_io.IOBase):
    """UART 1 or 2. Its other end is a TCP port of the process that is the chip."""

    INV_RX = 4
    INV_CTS = 8
    INV_TX = 32
    INV_RTS = 64
    RTS = 1
    CTS = 2
    IRQ_RX = _uart.RX
    IRQ_BREAK = _uart.BREAK
    IRQ_RXIDLE = _uart.RX_IDLE

    def __new__(cls, id: int, *options, **named):
        return _only(cls, id)

    def __init__(self, id: int, *options, **named) -> None:
        if not 0 <= _c_int(id) < _COUNT:
            raise ValueError("UART(%d) does not exist" % id)
        if id == _REPL:
            raise NotImplementedError("UART(0), the prompt's line, is not imitated as an object")
        self._chip = _current()
        self._driver = self._chip.uarts[id]
        self.init(*options, **named)

    def __repr__(self) -> str:
        d = self._driver
        values = (d.number, d.baud, d.bits, _PARITIES[d.parity], d.stop)
        text = "UART(%d, baudrate=%d, bits=%d, parity=%s, stop=%d" % values
        text += ", tx=%d, rx=%d, rts=%d, cts=%d" % tuple(d.pins)
        values = (d.txbuf, d.rxbuf, d.timeout, d.timeout_char, d.trigger)
        text += ", txbuf=%d, rxbuf=%d, timeout=%d, timeout_char=%d, irq=%d" % values
        for name, mask, names in (("invert", d.invert, _INVERTIBLE), ("flow", d.flow, _FLOWS)):
            if mask:
                text += ", %s=%s" % (name, "|".join(n for bit, n in names if mask & bit))
        return text + ")"

    def init(
        self, baudrate=0, bits=0, parity=-1, stop=0, *, tx=None, rx=None, rts=None, cts=None,
        txbuf=-1, rxbuf=-1, timeout=-1, timeout_char=-1, invert=-1, flow=-1,
    ) -> None:  # fmt: skip
        """Set what is given; what was received before is lost. Raises ValueError."""
        driver = self._driver
        baudrate, bits, stop = _c_int(baudrate), _c_int(bits), _c_int(stop)
        txbuf, rxbuf, invert, flow = [_c_int(one) for one in (txbuf, rxbuf, invert, flow)]
        timeout, timeout_char = _c_int(timeout), _c_int(timeout_char)
        if not driver.installed:
            self._defaults()
        else:
            self.flush()
        self._set_buffers(txbuf, rxbuf)
        if baudrate > 0:
            driver.set_baud(baudrate)
        self._set_pins(tx, rx, rts, cts)
        if bits not in (0, 5, 6, 7, 8):
            raise ValueError("invalid data bits")
        driver.bits = bits or driver.bits
        if parity != -1:
            driver.parity = 0 if parity is None else 1 if _c_int(parity) & 1 else 2
        if stop not in (0, 1, 2):
            raise ValueError("invalid stop bits")
        driver.stop = stop or driver.stop
        if timeout != -1:
            self._driver.timeout = timeout & 0xFFFF
        if timeout_char != -1:
            self._driver.timeout_char = timeout_char & 0xFFFF
        self._set_lines(invert, flow)
        driver.flush_input()

    def deinit(self) -> None:
        """Switch it off."""
        self._need_driver()
        self._driver.delete()

    def any(self) -> int:
        """Return how many received bytes wait to be read."""
        self._look()
        self._need_driver()
        return self._driver.waiting()

    def read(self, count: int = -1):
        """Return at most `count` bytes or all there are; None if none came within `timeout`."""
        if count >= 0:
            return self._receive(count)
        data = b""
        while True:
            piece = self._receive(256)
            if not piece:
                return data or None
            data += piece

    def readinto(self, buffer, count=None):
        """Fill `buffer` from its start; return how many bytes, or None for none."""
        view = _writable_view(buffer)
        size = len(view) if count is None else min(count, len(view))
        data = self._receive(size)
        if data is None:
            return None
        view[: len(data)] = data
        return len(data)

    def readline(self, limit: int = -1):
        """Return a line with its end, or what came of it within `timeout`; None for nothing."""
        line = b""
        while limit < 0 or len(line) < limit:
            byte = self._receive(1)
            if not byte:
                return line or None
            line += byte
            if byte == b"\n":
                break
        return line

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def write(self, data, length=None, offset=None):
        """Send bytes and return how many; waits while `txbuf` is full."""
        self._look()
        if not self._driver.installed:
            return None
        view = _byte_view(data)
        if length is not None:
            view = view[:length] if offset is None else view[offset : offset + length]
        _sleep_us(self._driver.send(view))
        return len(view)

    def txdone(self) -> bool:
        """Tell whether everything is sent."""
        self._need_driver()
        return not self._driver.sending_us()

    def flush(self) -> None:
        """Wait until everything is sent."""
        _sleep_us(self._driver.sending_us())

    def sendbreak(self) -> None:
        """Hold the line low for 13 bits; the other end is not told."""
        self.flush()
        _sleep_us(13_000_000 // self._driver.baud)

    def irq(self, handler=None, trigger: int = 0, hard: bool = False):
        """Call `handler(uart)` for IRQ_RX or IRQ_RXIDLE; returns an object with `flags()`.

        It runs where the program sleeps, waits or looks at the time, as a timer's callback does.
        """
        driver, trigger = self._driver, _c_int(trigger)
        if handler is not None and not callable(handler):
            raise ValueError("handler must be None or callable")
        unknown = trigger & ~(_uart.RX | _uart.RX_IDLE | _uart.BREAK)
        if unknown:
            raise ValueError("trigger 0x%04x unsupported" % unknown)
        if hard:
            raise ValueError("hard IRQ is not supported")
        driver.trigger = trigger
        driver.handler = None if handler is None else lambda: handler(self)
        if driver in self._chip.interrupts:
            self._chip.interrupts.remove(driver)
        if handler is not None:
            self._chip.interrupts.append(driver)
        return _Irq(driver)

    def ioctl(self, request: int, argument: int) -> int:
        """Answer the stream protocol: 1 flush, 3 poll."""
        if request == _POLL:
            ready = _READ if self._driver.waiting() else 0
            return argument & (ready | _WRITE)
        if request == _FLUSH:
            self.flush()
            return 0
        return _INVALID

    def _defaults(self) -> None:
        driver = self._driver
        driver.bits, driver.parity, driver.stop = 8, 0, 1
        driver.txbuf = driver.rxbuf = 256
        driver.set_baud(115_200)
        driver.pins = list(_PINS[driver.number])
        driver.timeout = driver.timeout_char = driver.invert = driver.flow = 0

    def _set_buffers(self, txbuf: int, rxbuf: int) -> None:
        driver = self._driver
        if txbuf >= 0:
            driver.txbuf = txbuf & 0xFFFF
        if rxbuf >= 0:
            driver.rxbuf = rxbuf & 0xFFFF
        if driver.rxbuf <= _uart.FIFO or 0 < driver.txbuf <= _uart.FIFO:
            driver.installed = False
            raise OSError(1, "ESP_FAIL")  # the IDF's driver wants more than the hardware has
        driver.install()

    def _set_pins(self, *pins) -> None:
        """Set tx, rx, rts and cts, -1 for none; the first and the third are outputs."""
        for index, pin in enumerate(pins):
            if pin is not None:
                number = pin.id() if hasattr(pin, "id") else pin
                if number != -1:
                    _check_pin(number)
                self._driver.pins[index] = number
        tx, _, rts, _ = self._driver.pins
        if not (_can_drive(tx) and _can_drive(rts)):
            raise OSError(1, "ESP_FAIL")

    def _set_lines(self, invert: int, flow: int) -> None:
        if invert != -1:
            if invert & ~(self.INV_TX | self.INV_RX | self.INV_RTS | self.INV_CTS):
                raise ValueError("invalid inversion mask")
            self._driver.invert = invert
        if flow != -1:
            if flow & ~(self.RTS | self.CTS):
                raise ValueError("invalid flow control mask")
            self._driver.flow = flow

    def _receive(self, count: int):
        """Wait for a byte for `timeout`, then for each further one for `timeout_char`."""
        self._look()
        if count == 0:
            return b""
        data = self._wait(count, self._driver.timeout)
        while data and len(data) < count:
            more = self._wait(count - len(data), self._driver.timeout_char)
            if not more:
                break
            data += more
        return data or None

    def _wait(self, count: int, milliseconds: int) -> bytes:
        end = self._chip.ticks_ms() + milliseconds
        while True:
            data = self._driver.take(count)
            if data or self._chip.ticks_ms() >= end or not self._driver.installed:
                return data
            self._chip.console.wait(1)
            _run_due(self._chip)

    def _look(self) -> None:
        self._chip.console.check()
        _run_due(self._chip)

    def _need_driver(self) -> None:
        if not self._driver.installed:
            raise OSError(1, "ESP_FAIL")

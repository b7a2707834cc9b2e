"""The drivers of `machine.UART` 1 and 2: a receive buffer that overflows, and a line that takes time.

The receiver's interrupt moves bytes from a FIFO of 128 into a ring of `rxbuf` bytes. Once the ring
is full they stay in the FIFO, and a byte more than that holds resets it: all of it is lost, and
what comes later is kept again (ESP-IDF, uart_rx_intr_handler_default). What was read makes room.
"""

import time as _host_time

FIFO = 128
"""Bytes that the hardware holds beside the driver's own buffer, in each direction."""
_CLOCK_HZ = 80_000_000

RX = 0x0001
BREAK = 0x0002
RX_IDLE = 0x1000
_IDLE_CHARACTERS = 2
_IDLE_LEAST_US = 500


def _no_input() -> bytes:
    return b""


def _no_output(data: bytes) -> None:
    pass


def _nothing(*_) -> None:
    pass


class UartDriver:
    """One UART of a life. `source()` returns what came in since it was last asked.

    `sink(data)` sends; `configure(baud, is_on)` and `lose(count)` tell the other side of the line
    how fast it is, whether the receiver is on and how much has found no room in it.
    `paced` lets output take its time.
    """

    def __init__(self, number: int, paced: bool = False) -> None:
        self.number = number
        self.source = _no_input
        self.sink = _no_output
        self.configure = _nothing
        self.lose = _nothing
        self.installed = False
        self.divider = 0
        self.bits = 8
        self.parity = 0
        self.stop = 1
        self.txbuf = self.rxbuf = 256
        self.handler = None
        self.trigger = 0
        self.flags = 0
        self.pins: list = []
        self.timeout = self.timeout_char = 0
        self.invert = self.flow = 0
        self._paced = paced
        self._buffer = bytearray()
        self._fifo = bytearray()
        self._fresh = 0
        self._idle_at = None
        self._free_at = 0

    @property
    def baud(self) -> int:
        """The rate that the clock's divider really gives, which the port prints."""
        return (_CLOCK_HZ << 4) // self.divider

    @property
    def bits_a_character(self) -> int:
        """Start bit, data, parity, stop bits."""
        return 1 + self.bits + (self.parity > 0) + self.stop

    def install(self) -> None:
        """Switch the receiver on with an empty buffer."""
        self.installed = True
        self.flush_input()

    def set_baud(self, baud: int) -> None:
        """Set the rate."""
        self.divider = (_CLOCK_HZ << 4) // baud

    def delete(self) -> None:
        """Switch it off: what comes now is lost."""
        self.installed = False
        self.configure(self.baud, 0)
        self._drain()
        self._buffer = bytearray()
        self._fifo = bytearray()

    def flush_input(self) -> None:
        """Throw away what was received."""
        self._drain()
        self._buffer = bytearray()
        self._fifo = bytearray()
        self._fresh = 0
        self.configure(self.baud, 1)

    def waiting(self) -> int:
        """Return how many received bytes are in the ring."""
        self._drain()
        return len(self._buffer)

    def take(self, count: int) -> bytes:
        """Return at most so many received bytes."""
        self._drain()
        data = bytes(self._buffer[:count])
        if data:
            self._buffer = self._buffer[len(data) :]
            self._refill()
        return data

    def send(self, data) -> int:
        """Send bytes; return the microseconds for which the program waits for room in `txbuf`."""
        self.sink(bytes(data))
        if not self._paced:
            return 0
        now = _host_time.ticks_us()
        self._free_at = max(self._free_at, now) + self._time_of(len(data))
        return max(0, self._free_at - now - self._time_of(self.txbuf + FIFO))

    def sending_us(self) -> int:
        """Return for how many microseconds more the line is busy with what was sent."""
        return max(0, self._free_at - _host_time.ticks_us())

    def due_flags(self) -> int:
        """Notice what came in; return the flags of interrupts that are due."""
        self._drain()
        due = 0
        if self._fresh:
            due = RX
            wait = max(_IDLE_LEAST_US, self._time_of(_IDLE_CHARACTERS))
            self._idle_at = _host_time.ticks_us() + wait
            self._fresh = 0
        elif self._idle_at is not None and _host_time.ticks_us() >= self._idle_at:
            due = RX_IDLE
            self._idle_at = None
        return due & self.trigger

    def _time_of(self, characters: int) -> int:
        return characters * self.bits_a_character * 1_000_000 // self.baud

    def _drain(self) -> None:
        # In pieces: what is read from the pipe takes room in the program's own heap.
        data = self.source()
        while data:
            if self.installed:
                self._fifo.extend(data)
                self._refill()
                self._overflow()
            else:
                self.lose(len(data))
            data = self.source()

    def _refill(self) -> None:
        """Move into the ring what it has room for."""
        room = max(0, self.rxbuf - len(self._buffer))
        moved = self._fifo[:room]
        if moved:
            self._buffer.extend(moved)
            self._fifo = self._fifo[len(moved) :]
            self._fresh += len(moved)

    def _overflow(self) -> None:
        """Lose what the FIFO held each time that a byte more came."""
        resets = len(self._fifo) // (FIFO + 1)
        if resets:
            self._fifo = self._fifo[resets * (FIFO + 1) :]
            self.lose(resets * (FIFO + 1))


def service(chip, driver: UartDriver) -> None:
    """Run a UART's handler if an interrupt is due."""
    if driver.installed:
        flags = driver.due_flags()
        if flags:
            driver.flags = flags
            chip.run_callback(driver.handler)

"""A connection that does not stand: one under way that nobody answers, or one that failed.

After lwIP's netconn layer (api_msg.c, api_lib.c) and ports/esp32/modsocket.c. TCP asks for 18 s and
gives up with "aborted". A failure waits in two places: as a message in front of what is received, and
as the connection's pending error; each is told once, and after them the socket is not connected.
"""

import select

from . import socket_errors as errors

_READY = 1 | 4 | 16
_GIVES_UP_MS = 18_000
_LOOK_MS = 20
_UNDER_WAY = (errors.EINPROGRESS, errors.EALREADY, errors.ETIMEDOUT)


class Asking:
    """Asks the computer's TCP for a connection of `real` to `packed`, None for nobody there.

    `call(function, *args)` calls with the chip's numbers of errors. Nothing is asked while the link
    carries nothing.
    """

    def __init__(self, real, packed, call) -> None:
        self._real = real
        self._packed = packed
        self._call = call
        self._asked = False

    def __call__(self, chip) -> bool:
        """Tell whether the connection stands. Raises OSError when the other side refuses."""
        if self._packed is None or not chip.station.traffic_passes():
            return False
        if not self._asked:
            self._asked = True
            try:
                self._call(self._real.connect, self._packed)
                return True
            except OSError as error:
                if error.errno not in _UNDER_WAY:
                    raise
        poll = select.poll()
        poll.register(self._real, select.POLLOUT)
        ready = poll.poll(0)
        if ready and ready[0][1] & (select.POLLERR | select.POLLHUP):
            self._call(self._real.recv, 1)  # raises what it was
        return bool(ready)


class Attempt:
    """What became of `connect`; `answered(chip)` tells whether the connection stands now.

    It raises OSError once the other side refuses. `lasts` is False for an address without a route:
    nothing is under way then.
    """

    def __init__(self, chip, sleep_ms, answered, lasts: bool = True) -> None:
        self._chip = chip
        self._sleep_ms = sleep_ms
        self._answered = answered
        self._lasts = lasts
        self._looks_at = chip.ticks_ms()
        self._ends = self._looks_at + _GIVES_UP_MS
        self._message = self._pending = 0

    def fail(self, number: int) -> None:
        """Note why it failed."""
        self._message = self._pending = number
        self._ends = None

    def stands(self) -> bool:
        """Look how it goes, and tell whether the connection stands."""
        now = self._chip.ticks_ms()
        if self._ends is None or not self._lasts or now < self._looks_at:
            return False
        self._looks_at = now + _LOOK_MS
        try:
            if self._answered(self._chip):
                return True
        except OSError as error:
            self.fail(error.errno)
        if self._ends is not None and now >= self._ends:
            self.fail(errors.ECONNABORTED)
        return False

    def connect(self, timeout) -> None:
        """Wait for it as a `connect` that blocks does. Raises OSError(113, 104 or 116)."""
        try:
            stands = self._wait(timeout)
        except OSError:
            raise errors.OSError(errors.ETIMEDOUT)
        if not stands:
            self._pending = 0
            raise errors.OSError(self._message)

    def connect_again(self) -> None:
        """Raise what a second `connect` gives; nothing where one may be tried."""
        if self._lasts:
            self.stands()
            raise errors.OSError(errors.EALREADY if self._ends else errors.ENOTCONN)

    def receive(self, timeout) -> None:
        """Return once it stands. Raises what receiving gives meanwhile, or when it failed."""
        if self._wait(timeout):
            return
        number = self._message or self._pending or errors.ENOTCONN
        if self._message:
            self._message = 0
        else:
            self._pending = 0
        raise errors.OSError(number)

    def send(self, timeout) -> None:
        """Return once it stands. Raises what sending gives meanwhile, or when it failed.

        With a timeout the port does not wait: lwIP refuses at once, as often as it is asked.
        """
        if not self._lasts:
            raise errors.OSError(errors.ENOTCONN)
        try:
            stands = self._wait(timeout and 0)
        except OSError:
            raise errors.OSError(errors.ETIMEDOUT if timeout else errors.EAGAIN)
        if not stands:
            number, self._pending = self._pending or errors.ENOTCONN, 0
            raise errors.OSError(number)

    def ready(self) -> int:
        """Return what a poll shows: of a failure reading, writing and hanging up."""
        return _READY if self._ends is None else 0

    def _wait(self, timeout) -> bool:
        """Tell whether it stands or has failed. Raises OSError(11 or 116) when the time is over."""
        began = self._chip.ticks_ms()
        while not self.stands():
            if self._ends is None:
                return False
            if timeout is not None and self._chip.ticks_ms() - began >= timeout * 1000:
                raise errors.OSError(errors.when_over(timeout))
            self._sleep_ms(_LOOK_MS)
        return True

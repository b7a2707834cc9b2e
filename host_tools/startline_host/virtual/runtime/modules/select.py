"""`select`: the VM's own poll, which also ends when the program is asked to stop."""

import select as _real
import time as _time

from ..buffers import c_float as _c_float
from ..buffers import c_int as _c_int
from ..buffers import c_items as _c_items
from ..chip import current as _current
from ..timers import run_due as _run_due

POLLIN = _real.POLLIN
POLLOUT = _real.POLLOUT
POLLERR = _real.POLLERR
POLLHUP = _real.POLLHUP
_ONE_SHOT = 1


class _Poll:
    def __init__(self) -> None:
        self._poll = _real.poll()
        self._refused: set = set()
        _current().console.watch(self._poll)

    def register(self, stream, events: int = POLLIN | POLLOUT) -> None:
        """Wait for a stream, too. Raises OSError for what is none: a chip has no descriptors.

        The port's list keeps an empty place of what it refused, and crashes on it when it is next
        polled, as this VM would (extmod/modselect.c, poll_set_add_obj).
        """
        events = _c_int(events)
        try:
            if isinstance(stream, int):
                raise OSError("stream operation not supported")
            _real.poll().register(stream, events)
        except OSError:
            self._refused.add(id(stream))
            raise
        self._poll.register(stream, events)

    def modify(self, stream, events: int) -> None:
        """Wait for other events of a stream. Raises OSError(2) for one that is not waited for."""
        if id(stream) in self._refused:
            self._crash()
        self._poll.modify(stream, _c_int(events))

    def unregister(self, stream) -> None:
        """Wait for a stream no more."""
        if id(stream) in self._refused:
            self._refused.remove(id(stream))
        else:
            self._poll.unregister(stream)

    def poll(self, timeout=-1, flags: int = 0) -> list:
        """Return (object, events) of what is ready, within a time in milliseconds."""
        return [(stream, events) for stream, events in self.ipoll(timeout, flags)]

    def ipoll(self, timeout=-1, flags: int = 0):
        """Yield (object, events) of what is ready; the tuple is one and the same."""
        chip = _current()
        if self._refused:
            self._crash()
        timeout = -1 if timeout is None else _c_int(timeout)
        flags = _c_int(flags)
        timeout = chip.crystal.real_ms(timeout)
        end = _time.ticks_ms() + timeout
        while True:
            found = False
            pause = _run_due(chip)
            for item in self._poll.ipoll(_shorter(timeout, pause), flags):
                if not chip.console.heard(item[0]):
                    found = True
                    yield item
            if found:
                return
            if flags & _ONE_SHOT:
                chip.console.watch(self._poll)
            if timeout >= 0:
                timeout = end - _time.ticks_ms()
                if timeout <= 0:
                    return

    def _crash(self) -> None:
        _current().console.end("crash")


def poll() -> _Poll:
    """Return a poll object."""
    return _Poll()


def select(rlist, wlist, xlist, timeout=None) -> tuple:
    """Return what can be read, what can be written, and what has an error.

    `timeout` is in seconds, None for no limit.
    """
    wanted: list = []
    if timeout is not None:
        _c_float(timeout)
    for streams, events in ((rlist, POLLIN), (wlist, POLLOUT), (xlist, 0)):
        for stream in _c_items(streams):
            for item in wanted:
                if item[0] is stream:
                    item[1] |= events
                    break
            else:
                wanted.append([stream, events])
    waiting = _Poll()
    for stream, events in wanted:
        waiting.register(stream, events)
    ready = waiting.poll(-1 if timeout is None or timeout < 0 else int(timeout * 1000))
    return (
        [stream for stream, events in ready if events & POLLIN],
        [stream for stream, events in ready if events & POLLOUT],
        [stream for stream, events in ready if events & ~(POLLIN | POLLOUT)],
    )


def _shorter(timeout: int, pause: int) -> int:
    return timeout if pause < 0 else pause if timeout < 0 else min(timeout, pause)

"""`select`: the VM's own poll, which also ends when the program is asked to stop."""

import select as _real
import time as _time

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
        _current().console.watch(self._poll)

    def register(self, stream, events: int = POLLIN | POLLOUT) -> None:
        """Wait for a stream, too. Raises OSError for what is none: a chip has no descriptors."""
        if isinstance(stream, int):
            raise OSError("stream operation not supported")
        self._poll.register(stream, events)

    def modify(self, stream, events: int) -> None:
        """Wait for other events of a stream."""
        self._poll.modify(stream, events)

    def unregister(self, stream) -> None:
        """Wait for a stream no more."""
        self._poll.unregister(stream)

    def poll(self, timeout=-1, flags: int = 0) -> list:
        """Return (object, events) of what is ready, within a time in milliseconds."""
        return [(stream, events) for stream, events in self.ipoll(timeout, flags)]

    def ipoll(self, timeout=-1, flags: int = 0):
        """Yield (object, events) of what is ready; the tuple is one and the same."""
        chip = _current()
        timeout = -1 if timeout is None else timeout
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


def poll() -> _Poll:
    """Return a poll object."""
    return _Poll()


def select(rlist, wlist, xlist, timeout=None) -> tuple:
    """Return what can be read, what can be written, and what has an error.

    `timeout` is in seconds, None for no limit.
    """
    wanted: list = []
    for streams, events in ((rlist, POLLIN), (wlist, POLLOUT), (xlist, 0)):
        for stream in streams:
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

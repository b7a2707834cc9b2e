"""`select`: the VM's own poll, which also ends when the program is asked to stop."""

import select as _real
import time as _time

from ..chip import current as _current

POLLIN = _real.POLLIN
POLLOUT = _real.POLLOUT
POLLERR = _real.POLLERR
POLLHUP = _real.POLLHUP


class _Poll:
    def __init__(self) -> None:
        self._poll = _real.poll()
        _current().console.watch(self._poll)

    def register(self, stream, events: int = POLLIN | POLLOUT) -> None:
        """Wait for a stream, too."""
        self._poll.register(stream, events)

    def modify(self, stream, events: int) -> None:
        """Wait for other events of a stream."""
        self._poll.modify(stream, events)

    def unregister(self, stream) -> None:
        """Wait for a stream no more."""
        self._poll.unregister(stream)

    def poll(self, timeout: int = -1, flags: int = 0) -> list:
        """Return (object, events) of what is ready, within a time in milliseconds."""
        return [tuple(item) for item in self.ipoll(timeout, flags)]

    def ipoll(self, timeout: int = -1, flags: int = 0):
        """Yield (object, events) of what is ready; the tuple is one and the same."""
        console = _current().console
        end = _time.ticks_ms() + timeout
        found = False
        while not found:
            for item in self._poll.ipoll(timeout, flags):
                if not console.heard(item[0]):
                    found = True
                    yield item
            if timeout >= 0:
                timeout = end - _time.ticks_ms()
                if timeout <= 0:
                    return


def poll() -> _Poll:
    """Return a poll object."""
    return _Poll()

"""The VM's `select` module of a lifetime: waits in the lifetime's time, for our sockets only."""


class FakeSelect:
    """Stands in `sys.modules` as `select`; `time` is what waiting costs."""

    POLLIN = 1
    POLLOUT = 4
    POLLERR = 8
    POLLHUP = 16

    def __init__(self, time) -> None:
        self._time = time

    def poll(self):
        return FakePoll(self._time)


class FakePoll:
    """Waits for one socket, or for nothing at all."""

    def __init__(self, time) -> None:
        self._time = time
        self._sockets: list = []

    def register(self, one, events: int = 1) -> None:
        self._sockets.append((one, events))

    def ipoll(self, timeout: int = -1, _flags: int = 0) -> list:
        return self.poll(timeout)

    def poll(self, timeout: int = -1, _flags: int = 0) -> list:
        """Return (object, events) of what is ready within a time in milliseconds."""
        if not self._sockets:
            self._time.sleep_ms(timeout)
        found = []
        for one, events in self._sockets:
            if not hasattr(one, "readable"):  # the chip's, on top of one of ours
                ready = one.ioctl(3, events)
            elif events & FakeSelect.POLLOUT:
                ready = FakeSelect.POLLOUT  # what is connected takes everything
            else:
                ready = one.readable(timeout)
            if ready:
                found.append((one, int(ready)))
        return found

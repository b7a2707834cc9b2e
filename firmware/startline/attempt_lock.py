"""One attempt at a time, whoever asks for one: a second thread, a callback, another device object.

Two at once would be two requests. Whoever comes second waits for the first one's outcome.
"""

try:
    from _thread import allocate_lock, get_ident
except ImportError:  # a port without threads: only a callback can come in between

    class allocate_lock:  # noqa: N801 - it stands for that name
        """A lock of a program that has one thread."""

        held = False

        def acquire(self, _wait: bool) -> bool:
            """Take it, if it is free."""
            held = self.held
            self.held = True
            return not held

        def release(self) -> None:
            """Give it back."""
            self.held = False

        def locked(self) -> bool:
            """Tell whether it is taken."""
            return self.held

    def get_ident() -> int:
        """Return the one thread."""
        return 0


_lock = allocate_lock()
_holder = [None, 0]  # the device whose attempt is under way, or was last, and its thread


def exclusive(device, work) -> None:
    """Call `work()`, or, while another attempt is under way, take over what comes of that one."""
    mine = False
    try:
        mine = _lock.acquire(False)
        if mine:
            _holder[:] = (device, get_ident())
            work()
        else:
            _follow(device)
    finally:
        if mine:
            _lock.release()


def _follow(device) -> None:
    """Wait for the outcome of an attempt, as long as that may take, and take it over.

    An attempt that was interrupted to come here cannot go on while we wait: then how it stands by
    now is all there is, as it is for one that takes too long.
    """
    chip = device.hal.full()
    start = chip.ms()
    # Whose attempt it is stands there only after it was begun, so it is looked at each time.
    while (
        _lock.locked()
        and _holder[1] != get_ident()
        and chip.since(start) < (_holder[0] or device).limit + 30000  # a name knows no limit
    ):
        chip.sleep(50)
    first = _holder[0]
    if first:  # it may be this very device
        for name in ("identity", "serial", "model", "cloud", "key", "token", "reason", "state"):
            setattr(device, name, getattr(first, name))

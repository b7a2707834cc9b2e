"""The names of the unix port's `_thread`: one thread runs here, and none is started."""


class LockType:
    """A lock that nobody else wants."""

    _held = False

    def acquire(self, *_how) -> bool:
        """Take it; False where it is taken."""
        free = not self._held
        self._held = True
        return free

    def release(self) -> None:
        """Give it back. Raises RuntimeError where nobody has it."""
        if not self._held:
            raise RuntimeError("release unlocked lock")
        self._held = False

    def locked(self) -> bool:
        """Tell whether it is taken."""
        return self._held

    __enter__ = acquire

    def __exit__(self, *_error) -> None:
        self.release()


allocate_lock = LockType


def get_ident() -> int:
    """Return the one thread's number."""
    return 1


def start_new_thread(*_how) -> int:
    """Raise RuntimeError: there are no threads here."""
    raise RuntimeError("can't create thread")


def stack_size(*_size) -> int:
    """Return the stack's size, which nothing sets."""
    return 0


def exit() -> None:
    """End the thread. Raises SystemExit."""
    raise SystemExit

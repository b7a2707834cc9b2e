"""Time that passes only by being asked for or waited for: what `time` is under the stand-ins."""

EPOCH = 1795000000
"""Unix time at which a lifetime begins, in seconds; a chip without a clock shows 2000."""
_ASKED_US = 40
"""What looking at the clock costs, so that a loop that only looks comes to an end."""
_LOOKS = 2_000_000


class Endless(BaseException):
    """A life that would go on for ever; no handler of the program may catch it."""


class VirtualTime:
    """The time of one lifetime in microseconds, in the shape of the VM's module `time`.

    `dead()` tells whether the current life has lost its power: such a life waits for nothing.
    """

    def __init__(self) -> None:
        self.dead = bool
        self.restart()

    def restart(self) -> None:
        """Begin another lifetime."""
        self.now_us = 0
        self.limit_us = 1 << 60
        self._looks = 0

    def seconds(self) -> float:
        """Return seconds since the lifetime began; looking costs nothing."""
        return self.now_us / 1_000_000

    def start_life(self, limit_s: int) -> None:
        """Allow the life that begins now so many seconds."""
        self.limit_us = self.now_us + limit_s * 1_000_000
        self._looks = 0

    def pass_us(self, microseconds: int) -> None:
        """Let time pass. Raises Endless when a life takes longer than any life may."""
        self.now_us += max(0, microseconds)
        if self.now_us > self.limit_us:
            raise Endless

    # What a module `time` has.

    def ticks_us(self) -> int:
        self._looks += 1
        if self._looks > _LOOKS:
            raise Endless
        self.pass_us(_ASKED_US)
        return self.now_us

    def ticks_ms(self) -> int:
        return self.ticks_us() // 1000

    def time_ns(self) -> int:
        return (EPOCH * 1_000_000 + self.now_us) * 1000

    def time(self) -> int:
        return EPOCH + self.now_us // 1_000_000

    def clock(self) -> float:
        """Return the seconds that the program had the processor: all of them, as on a chip."""
        return self.seconds()

    def sleep_us(self, microseconds: int) -> None:
        if self.dead():
            raise Endless
        self.pass_us(microseconds)

    def sleep_ms(self, milliseconds: int) -> None:
        self.sleep_us(milliseconds * 1000)

    def sleep(self, seconds: float) -> None:
        self.sleep_us(int(seconds * 1_000_000))

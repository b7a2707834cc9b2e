"""All of the chip: what a device needs on top of `hal` as long as it is not bound."""

import time

if False:  # for mypy; a device has none of these
    from typing import Any

# Of this port's clock, in Unix time: chips count from 2000, others from 1970.
_EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0


class Chip:
    """The chip with clock, links, sockets, randomness, and writing; the rest is its `hal`'s."""

    hal: "Any" = None

    def __getattr__(self, name: str) -> "Any":
        # What a bound boot needs as well: `write`, `ms`, `flash`, `nvs`, `blob`.
        return getattr(self.hal, name)

    def us(self) -> int:
        """Return a count of microseconds; it wraps after 18 minutes."""
        return time.ticks_us()  # type: ignore[return-value] # a number of a kind of its own

    def since(self, ms: int) -> int:
        """Return how many milliseconds went by since `ms()` gave this number."""
        return time.ticks_diff(self.ms(), ms)

    def sleep(self, ms: int) -> None:
        """Wait."""
        time.sleep_ms(ms)

    def powered_on(self) -> bool:
        """Tell whether this boot came from a power-on rather than a reset."""
        import machine

        return machine.reset_cause() == machine.PWRON_RESET

    def random(self, count: int) -> bytes:
        """Return random bytes of the hardware's generator."""
        import os

        return os.urandom(count)

    def unix(self) -> int:
        """Return the clock's Unix time in seconds."""
        return time.time() + _EPOCH

    def set_unix(self, seconds: int) -> None:
        """Set the clock."""
        import machine

        now = time.gmtime(seconds - _EPOCH)
        machine.RTC().datetime(now[:3] + now[6:7] + now[3:6] + (0,))

    def ntp(self, host: str) -> int:
        """Return a time server's Unix time. Raises OSError; waits at most about 2 s."""
        import ntptime

        ntptime.host = host
        ntptime.timeout = 2
        return ntptime.time() + _EPOCH  # type: ignore[no-untyped-call] # the stub has no types

    def wlan(self) -> "Any":
        """Return the Wi-Fi station interface."""
        import network

        return network.WLAN(network.STA_IF)

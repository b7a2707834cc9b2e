"""`machine`: resets, the RTC, the watchdog, timers; pins and UARTs by name."""

import machine as _real

from ..buffers import byte_view as _byte_view
from ..buffers import c_int as _c_int
from ..buffers import c_items as _c_items
from ..chip import CAUSES as _CAUSES
from ..chip import current as _current
from ..clock import calendar as _calendar
from ..clock import seconds as _seconds
from ..peripherals import only as _only
from ..timers import Alarm as _Alarm
from .machine_pin import Pin  # noqa: F401
from .machine_uart import UART  # noqa: F401
from .not_imitated import add_to as _add_to
from .time import sleep_ms as _sleep_ms

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
SLEEP = 2
DEEPSLEEP = 4
PIN_WAKE = EXT0_WAKE = 2
EXT1_WAKE = 3
TIMER_WAKE = 4
TOUCHPAD_WAKE = 5
ULP_WAKE = 6

_TIMERS = 4

Signal = _real.Signal
idle = _real.idle
time_pulse_us = _real.time_pulse_us


def unique_id() -> bytes:
    """Return the base MAC."""
    return _current().mac


def reset_cause() -> int:
    """Return why this life began."""
    return _CAUSES[_current().cause]


def wake_reason() -> int:
    """Return what ended a deep sleep: only its timer can."""
    return TIMER_WAKE if _current().cause == "deepsleep" else 0


def reset() -> None:
    """Reset the chip, at once: no `finally` of the program runs any more."""
    _current().console.end("reset")


def soft_reset() -> None:
    """Start the VM again, as Ctrl-D does at the prompt."""
    raise SystemExit


def deepsleep(*milliseconds) -> None:
    """Power everything but the RTC down, without a time for ever; what follows is a reset."""
    chip = _current()
    chip.console.end("deepsleep %d" % chip.crystal.real_ms(_expiry(milliseconds)))


def lightsleep(*milliseconds) -> None:
    """Sleep and go on; without a time nothing ends it but a reset, or Ctrl-C here."""
    expiry = _expiry(milliseconds)
    while not expiry:
        _sleep_ms(1000)
    _sleep_ms(expiry)


sleep = lightsleep


def _expiry(milliseconds: tuple) -> int:
    """Return for how long to sleep, 0 for ever; a time of none is over at once."""
    if not milliseconds:
        return 0
    (given,) = milliseconds
    return max(1, _c_int(given)) if given >= 0 else 0


def freq(*hertz):
    """Return the clock of the CPU, or accept one that the chip has."""
    if not hertz:
        return 160_000_000
    if _c_int(hertz[0]) // 1_000_000 not in (20, 40, 80, 160, 240):
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    return None


def disable_irq() -> int:
    """Return a state for `enable_irq`: nothing interrupts here."""
    return 0


def enable_irq(state: int) -> None:
    """Do nothing."""


class RTC:
    """The clock, and 2048 bytes that outlive a reset."""

    def __init__(self) -> None:
        """Take no arguments, as the port."""

    def datetime(self, date=None):
        """Return or set (year, month, day, weekday, hour, minute, second, microsecond)."""
        if date is not None:
            return self._set(date, 4)
        _current().program_time.look()
        now = _current().clock.now_us()
        year, month, day, hour, minute, second, weekday, _ = _calendar(now // 1_000_000)
        return year, month, day, weekday, hour, minute, second, now % 1_000_000

    def init(self, date) -> None:
        """Set (year, month, day, hour, minute, second, ignored, microsecond), as from 1.25 on."""
        self._set(date, 3)

    def _set(self, date, hour: int) -> None:
        date = _c_items(date, 8)
        parts = [_c_int(part) for part in list(date[:3]) + list(date[hour : hour + 3])]
        _current().clock.set_us(_seconds(*parts) * 1_000_000 + _c_int(date[7]))

    def memory(self, data=None):
        """Return or replace the bytes. Raises ValueError for more than 2048."""
        if data is None:
            return _current().rtc.data
        return _current().rtc.set(_byte_view(data))


class WDT:
    """Resets the chip unless it is fed within `timeout` milliseconds."""

    def __init__(self, id: int = 0, timeout: int = 5000) -> None:
        if _c_int(id) != 0:
            raise ValueError
        if _c_int(timeout) <= 0:
            raise ValueError("WDT timeout too short")
        self._timeout = timeout
        self.feed()

    def feed(self) -> None:
        """Start the time anew."""
        chip = _current()
        chip.console.feed_watchdog(chip.crystal.real_ms(self._timeout))


class Timer:
    """A timer of the chip; see `timers` for when its callback runs."""

    ONE_SHOT = 0
    PERIODIC = 1

    def __new__(cls, id: int = -1, **options):
        return _only(cls, id) if _c_int(id) >= 0 else object.__new__(cls)

    def __init__(self, id: int = -1, **options) -> None:
        if id >= _TIMERS:
            raise ValueError(
                "Timer(%d) doesn't exist, there are only %d hardware timers" % (id, _TIMERS)
            )
        if not hasattr(self, "_alarm"):
            self._id = id
            self._alarm = None
            self._mode = self.ONE_SHOT
        if options:
            self.init(**options)

    def __repr__(self) -> str:
        mode = "PERIODIC" if self._mode else "ONE_SHOT"
        period = self._alarm.period // 1000 if self._alarm else 0
        return "Timer(%d, mode=%s, period=%d)" % (self._id, mode, period)

    def init(
        self, *, mode=1, callback=None, period=0, tick_hz=1000, freq=None, hard=False
    ) -> None:
        """Start, with a period in ticks of `tick_hz` or a frequency in hertz. Raises ValueError."""
        self.deinit()
        if hard:
            raise ValueError("hard Timers are not implemented")
        mode, period, tick_hz = _c_int(mode), _c_int(period), _c_int(tick_hz)
        period_us = int(1_000_000 / freq) if freq is not None else period * 1_000_000 // tick_hz
        if period_us <= 0:
            raise ValueError("Timer period is too short for this timer")
        chip = _current()
        self._mode = mode
        chip.program_time.settle()
        due = chip.program_time.now_us() + period_us
        self._alarm = _Alarm(due, period_us, mode != self.ONE_SHOT, lambda: callback(self))
        chip.timers.append(self._alarm)

    def deinit(self) -> None:
        """Stop."""
        if self._alarm in _current().timers:
            _current().timers.remove(self._alarm)

    def value(self) -> int:
        """Return the milliseconds since the timer last fell due."""
        alarm = self._alarm
        return (alarm.period - alarm.due + _current().ticks_us()) // 1000 if alarm else 0


_add_to(
    globals(),
    "machine",
    (
        "ADC",
        "ADCBlock",
        "CAN",
        "Counter",
        "DAC",
        "Encoder",
        "I2C",
        "I2S",
        "PWM",
        "SDCard",
        "SPI",
        "SoftI2C",
        "SoftSPI",
        "TouchPad",
        "bitstream",
        "bootloader",
        "dht_readinto",
        "mem8",
        "mem16",
        "mem32",
        "mem_backup",
        "wake_pins",
    ),
)

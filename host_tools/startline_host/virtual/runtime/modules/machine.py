"""`machine`: resets, the RTC, the watchdog, pins and timers."""

import machine as _real

from ..buffers import byte_view as _byte_view
from ..chip import CAUSES as _CAUSES
from ..chip import current as _current
from ..clock import calendar as _calendar
from ..clock import seconds as _seconds
from ..peripherals import only as _only
from ..pin_numbers import can_drive as _can_drive
from ..pin_numbers import check_pin as _check_pin
from ..timers import Alarm as _Alarm
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
_OUTPUT = 2

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


def deepsleep(milliseconds: int = 0) -> None:
    """Power everything but the RTC down; what follows is a reset."""
    _current().console.end("deepsleep %d" % milliseconds)


def lightsleep(milliseconds: int = 0) -> None:
    """Sleep and go on."""
    _sleep_ms(milliseconds)


sleep = lightsleep


def freq(*hertz):
    """Return the clock of the CPU, or accept one that the chip has."""
    if not hertz:
        return 160_000_000
    if hertz[0] // 1_000_000 not in (20, 40, 80, 160, 240):
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    return None


def disable_irq() -> int:
    """Return a state for `enable_irq`: nothing interrupts here."""
    return 0


def enable_irq(state: int) -> None:
    """Do nothing."""


class RTC:
    """The clock, and 2048 bytes that outlive a reset."""

    def datetime(self, date=None):
        """Return or set (year, month, day, weekday, hour, minute, second, microsecond)."""
        clock = _current().clock
        if date is not None:
            whole = _seconds(date[0], date[1], date[2], date[4], date[5], date[6])
            clock.set_us(whole * 1_000_000 + date[7])
            return None
        now = clock.now_us()
        year, month, day, hour, minute, second, weekday, _ = _calendar(now // 1_000_000)
        return year, month, day, weekday, hour, minute, second, now % 1_000_000

    init = datetime

    def memory(self, data=None):
        """Return or replace the bytes. Raises ValueError for more than 2048."""
        if data is None:
            return _current().rtc.data
        return _current().rtc.set(_byte_view(data))


class WDT:
    """Resets the chip unless it is fed within `timeout` milliseconds."""

    def __init__(self, id: int = 0, timeout: int = 5000) -> None:
        if id != 0:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        self._timeout = timeout
        self.feed()

    def feed(self) -> None:
        """Start the time anew."""
        _current().console.feed_watchdog(self._timeout)


class Pin(_real.PinBase):
    """A pin that remembers what was put on it; an input shows what the world puts there."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    WAKE_LOW = 4
    WAKE_HIGH = 5
    DRIVE_0 = 0
    DRIVE_1 = 1
    DRIVE_2 = 2
    DRIVE_3 = 3

    def __new__(cls, id, *options, **named):
        return id if isinstance(id, Pin) else _only(cls, id)

    def __init__(self, id: int, mode=-1, pull=-1, *, value=None, drive=None, hold=None) -> None:
        if isinstance(id, Pin):
            id = id.id()
        _check_pin(id)
        self._id = id
        self._state = _current().pins.setdefault(id, [self.IN, 0, 0])
        self.init(mode, pull, value=value)

    def __repr__(self) -> str:
        return "Pin(%d)" % self._id

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None) -> None:
        """Change what is given. Raises ValueError to make an output of a pin that cannot be one."""
        if value is not None:
            self._put(int(bool(value)))
        if mode not in (-1, None):
            if mode & _OUTPUT and not _can_drive(self._id):
                raise ValueError("pin can only be input")
            self._state[0] = mode
        if pull != -1:
            self._state[1] = pull or 0

    def value(self, level=None):
        """Return or set the level."""
        _current().console.check()
        if level is not None:
            self._put(int(bool(level)))
            return None
        if self._state[0] & _OUTPUT:
            return self._state[2]
        outside = _current().world.input_level(self._id)
        return int(self._state[1] == self.PULL_UP) if outside is None else outside

    __call__ = value

    def on(self) -> None:
        """Set the level to 1."""
        self.value(1)

    def off(self) -> None:
        """Set the level to 0."""
        self.value(0)

    def toggle(self) -> None:
        """Turn the level round."""
        self.value(not self._state[2])

    def id(self) -> int:
        """Return the number."""
        return self._id

    def irq(self, handler=None, trigger=3, wake=None):
        """Accept a handler; no pin here ever changes by itself."""

    def _put(self, level: int) -> None:
        if self._state[2] != level:
            self._state[2] = level
            _current().console.show_pin(self._id, level)


class Timer:
    """A timer of the chip; see `timers` for when its callback runs."""

    ONE_SHOT = 0
    PERIODIC = 1

    def __new__(cls, id: int = -1, **options):
        return _only(cls, id) if id >= 0 else object.__new__(cls)

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
        period = self._alarm.period if self._alarm else 0
        return "Timer(%d, mode=%s, period=%d)" % (self._id, mode, period)

    def init(
        self, *, mode=1, callback=None, period=0, tick_hz=1000, freq=None, hard=False
    ) -> None:
        """Start, with a period in ticks of `tick_hz` or a frequency in hertz. Raises ValueError."""
        self.deinit()
        if hard:
            raise ValueError("hard Timers are not implemented")
        period_us = int(1_000_000 / freq) if freq is not None else period * 1_000_000 // tick_hz
        if period_us <= 0:
            raise ValueError("Timer period is too short for this timer")
        chip = _current()
        self._mode = mode
        period = max(1, period_us // 1000)
        self._alarm = _Alarm(
            chip.ticks_ms() + period, period, mode != self.ONE_SHOT, lambda: callback(self)
        )
        chip.timers.append(self._alarm)

    def deinit(self) -> None:
        """Stop."""
        if self._alarm in _current().timers:
            _current().timers.remove(self._alarm)

    def value(self) -> int:
        """Return the milliseconds since the timer last fell due."""
        alarm = self._alarm
        return alarm.period - (alarm.due - _current().ticks_ms()) if alarm else 0


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

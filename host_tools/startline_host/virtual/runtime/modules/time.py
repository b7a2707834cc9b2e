"""`time`: the chip's clock with its epoch of 2000, and ticks that wrap as 32-bit ports' do."""

import time as _real

from .. import clock as _clock
from ..buffers import c_float as _c_float
from ..buffers import c_int as _c_int
from ..buffers import c_wide_int as _c_wide_int
from ..chip import current as _current
from ..timers import run_asleep as _run_asleep
from ..timers import run_due as _run_due

_MASK = (1 << 30) - 1
_HALF = 1 << 29


def time() -> int:
    """Return the seconds since 2000-01-01."""
    _look(_current())
    return _current().clock.now_us() // 1_000_000


def time_ns() -> int:
    """Return the nanoseconds since 2000-01-01."""
    _look(_current())
    return _current().clock.now_us() * 1000


def gmtime(seconds=None) -> tuple:
    """Return the calendar of a time, or of now."""
    if seconds is None:
        seconds = time()
    return _clock.calendar(_c_wide_int(seconds))


localtime = gmtime


def mktime(calendar) -> int:
    """Return the seconds since 2000 of a calendar tuple. Raises TypeError for another length."""
    if len(calendar) not in (8, 9):
        raise TypeError("mktime needs a tuple of length 8 or 9")
    return _clock.seconds(*[_c_int(part) for part in calendar[:6]])


def ticks_ms() -> int:
    """Return a count of milliseconds since the chip started; it wraps at 2**30."""
    chip = _current()
    _look(chip)
    return chip.ticks_ms() & _MASK


def ticks_us() -> int:
    """Return a count of microseconds; it wraps at 2**30."""
    chip = _current()
    _run_due(chip)
    return chip.ticks_us() & _MASK


def ticks_cpu() -> int:
    """Return a count of the CPU's clock, 160 MHz; it wraps at 2**30."""
    chip = _current()
    _run_due(chip)
    return chip.ticks_us() * 160 & _MASK


def ticks_add(ticks: int, delta: int) -> int:
    """Return a count moved by `delta`. Raises OverflowError for what `ticks_diff` cannot tell."""
    if not -_HALF < _c_int(delta) < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & _MASK


def ticks_diff(later: int, earlier: int) -> int:
    """Return the signed distance of two counts."""
    return ((later - earlier + _HALF) & _MASK) - _HALF


def sleep(seconds) -> None:
    """Sleep, running the timers that fall due."""
    _sleep_us(int(_c_float(seconds) * 1_000_000))


def sleep_ms(milliseconds: int) -> None:
    """Sleep, running the timers that fall due."""
    _sleep_us(_c_int(milliseconds) * 1000)


def sleep_us(microseconds: int) -> None:
    """Sleep; short times are not interrupted."""
    _sleep_us(_c_int(microseconds))


def _look(chip) -> None:
    """Do what an interrupt would have done by now."""
    chip.console.check()
    _run_due(chip)


def _sleep_us(microseconds: int) -> None:
    chip = _current()
    program = chip.program_time
    program.settle()
    _run_asleep(chip, program.now_us())
    end = _real.ticks_us() + chip.crystal.real_us(microseconds)
    ends = program.now_us() + microseconds
    while True:
        chip.console.check()
        pause = _run_asleep(chip, ends)
        left = end - _real.ticks_us()
        if left < 1000:
            _real.sleep_us(max(0, left))
            _run_asleep(chip, ends)
            program.wake(_real.ticks_us() - end)
            return
        chip.console.wait(left // 1000 if pause < 0 else min(pause, left // 1000))

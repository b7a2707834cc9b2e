"""`machine.Pin`: a level that a program puts on a pin, or that the world does."""

import machine as _real

from ..buffers import c_int as _c_int
from ..chip import current as _current
from ..peripherals import only as _only
from ..pin_numbers import can_drive as _can_drive
from ..pin_numbers import can_wake as _can_wake
from ..pin_numbers import check_pin as _check_pin
from .not_imitated import refuse as _refuse

_OUTPUT = 2
_LOW_LEVEL, _HIGH_LEVEL = 4, 5


class _PinIrq:
    """What `Pin.irq` returns; it is one object for each pin."""

    def __init__(self, pin) -> None:
        self._pin = pin
        self._handler = None
        self._trigger = 0

    def __repr__(self) -> str:
        return "<IRQ>"

    def __call__(self) -> None:
        """Call the handler with the pin."""
        if self._handler is not None:
            _current().run_callback(lambda: self._handler(self._pin))

    def trigger(self, *trigger) -> int:
        """Return the trigger, or set another one."""
        old = self._trigger
        if trigger:
            self._trigger = _c_int(trigger[0])
        return old

    def set(self, handler, trigger: int) -> None:
        """Set both; without a handler nothing triggers."""
        self._handler = handler
        self._trigger = 0 if handler is None else trigger


class Pin(_real.PinBase):
    """A pin that remembers what was put on it; an input shows what the world puts there."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    WAKE_LOW = _LOW_LEVEL
    WAKE_HIGH = _HIGH_LEVEL
    DRIVE_0 = 0
    DRIVE_1 = 1
    DRIVE_2 = 2
    DRIVE_3 = 3

    def __new__(cls, id, *options, **named):
        return id if isinstance(id, Pin) else _only(cls, id)

    def __init__(self, id: int, mode=None, pull=-1, *, value=None, drive=None, hold=None) -> None:
        if isinstance(id, Pin):
            id = id.id()
        _check_pin(id)
        self._id = id
        self._state = _current().pins.setdefault(id, [self.IN, 0, 0])
        if not hasattr(self, "_irq"):
            self._irq = _PinIrq(self)
        self.init(mode, pull, value=value, drive=drive, hold=hold)

    def __repr__(self) -> str:
        return "Pin(%d)" % self._id

    def init(self, mode=None, pull=-1, *, value=None, drive=None, hold=None) -> None:
        """Change what is given. Raises ValueError to make an output of a pin that cannot be one."""
        if value is not None:
            self._put(int(bool(value)))
        if drive is not None and _can_drive(self._id):
            _c_int(drive)
        if mode is not None:
            mode = _c_int(mode)
            if mode & _OUTPUT and not _can_drive(self._id):
                raise ValueError("pin can only be input")
            self._state[0] = mode
        if pull != -1:
            self._state[1] = 0 if pull is None else _c_int(pull)

    def value(self, *level):
        """Return or set the level."""
        _current().console.check()
        if level:
            self._put(int(bool(level[0])))
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

    def irq(self, *arguments, **named):
        """Accept a handler, a trigger and `wake`; no pin here ever changes by itself.

        Returns an object that has the trigger and calls the handler. Raises ValueError for a wake-up
        that a chip has not, NotImplementedError for one that it has.
        """
        if arguments or named:
            self._set_irq(*arguments, **named)
        return self._irq

    def _set_irq(self, handler=None, trigger=IRQ_RISING | IRQ_FALLING, wake=None) -> None:
        trigger = _c_int(trigger)
        if trigger in (_LOW_LEVEL, _HIGH_LEVEL) and wake is not None:
            if not isinstance(wake, (int, bool)) or not 2 <= wake <= 7:
                raise ValueError("bad wake value")
            if not _can_wake(self._id):
                raise ValueError("invalid pin for wake")
            _refuse("wake-up by pins")
        self._irq.set(handler, trigger)

    def _put(self, level: int) -> None:
        if self._state[2] != level:
            self._state[2] = level
            _current().console.show_pin(self._id, level)

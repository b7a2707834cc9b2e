"""The names that the unix port's `machine` has: the virtual chip passes them on, none is called."""


class PinBase:
    """What a pin is derived from."""


class Signal:
    """A pin that may be inverted."""


mem8 = mem16 = mem32 = idle = time_pulse_us = None

"""Which pins an ESP32 has, which of them can be outputs, and which can wake it."""

_MISSING = (24, 28, 29, 30, 31)
_COUNT = 40
_FIRST_INPUT_ONLY = 34
_WAKING = (0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39)


def check_pin(number) -> None:
    """Raise ValueError for what is no pin."""
    if not isinstance(number, int) or not 0 <= number < _COUNT or number in _MISSING:
        raise ValueError("invalid pin")


def can_drive(number: int) -> bool:
    """Tell whether a pin can be an output."""
    return number < _FIRST_INPUT_ONLY


def can_wake(number: int) -> bool:
    """Tell whether a pin can end a sleep."""
    return number in _WAKING

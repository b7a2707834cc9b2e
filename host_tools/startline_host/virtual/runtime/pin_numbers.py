"""Which pins an ESP32 has, and which of them can be outputs."""

_MISSING = (24, 28, 29, 30, 31)
_COUNT = 40
_FIRST_INPUT_ONLY = 34


def check_pin(number) -> None:
    """Raise ValueError for what is no pin."""
    if not isinstance(number, int) or not 0 <= number < _COUNT or number in _MISSING:
        raise ValueError("invalid pin")


def can_drive(number: int) -> bool:
    """Tell whether a pin can be an output."""
    return number < _FIRST_INPUT_ONLY

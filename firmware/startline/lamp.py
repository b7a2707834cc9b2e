"""The LED: unbound blinks slowly, trying fast, bound is steady, unknown and refused blink twice."""

_PATTERNS = {"bound": "1", "trying": "10", "unbound": "1111111100000000"}
_TWICE = "1010000000"
_timer = []


def show(pin: int, what: str) -> None:
    """Show a state, or "trying", on a pin: its number, plus 128 if a low level lights the LED."""
    from machine import Pin, Timer

    pattern = _PATTERNS.get(what, _TWICE)
    low = pin >> 7
    led = Pin(pin & 127, Pin.OUT)
    while _timer:
        _timer.pop().deinit()
    led.value(1 ^ low)
    if len(pattern) > 1:
        step = [0]

        def blink(_) -> None:
            step[0] = (step[0] + 1) % len(pattern)
            led.value(int(pattern[step[0]]) ^ low)

        timer = Timer(3)
        timer.init(period=100, callback=blink)
        _timer.append(timer)

"""The LED: unbound blinks slowly, trying fast, bound is steady, unknown and refused blink twice."""

_timers = []


def show(pin: int, what: str) -> None:
    """Show a state, or "trying", on a pin: its number, plus 128 if a low level lights the LED."""
    from machine import Pin, Timer

    pattern = {"bound": b"\1", "trying": b"\1\0", "unbound": b"\1" * 8 + b"\0" * 8}
    steps = list(pattern.get(what, b"\1\0\1\0\0\0\0\0\0\0"))
    led = Pin(pin & 127, Pin.OUT)

    def step(_) -> None:
        led.value(steps[0] ^ pin >> 7)
        steps.append(steps.pop(0))

    while _timers:
        _timers.pop().deinit()
    step(0)
    if len(steps) > 1:
        _timers.append(Timer(3))
        _timers[0].init(period=100, callback=step)

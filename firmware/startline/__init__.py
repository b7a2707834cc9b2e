"""Startline's agent: binds a timing reader to its cloud once, and never twice."""

__version__ = "0.1.0"


def first_boot(hal=None):
    """Bring the device as far as it goes within its limit and return it; see `device.Device`."""
    from .device import Device

    if hal is None:
        from .hal import Hal

        hal = Hal()
    device = Device(hal)
    device.attempt(False)
    return device


def main() -> None:
    """Run `first_boot`, then the reader's own `app.main(device)` where there is an app.

    The fifth quick reset in a row stays at the REPL, so that a device whose app crashes at once
    can still be reached.
    """
    from .hal import Hal

    hal = Hal()
    if hal.crash_loop():
        hal.write("Five quick resets: staying here\n")
        return
    device = first_boot(hal)
    try:
        import app
    except ImportError as error:
        if "'app'" not in str(error):
            raise
        return
    app.main(device)

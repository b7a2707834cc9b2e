"""Startline's agent: binds a timing reader to its cloud once, and never twice."""

import sys

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Device, Hal, Race

__version__ = "0.2.0"


class Unavailable:
    """What an application gets for a `device.Device` if the agent itself cannot be loaded."""

    state = "unknown"
    token = key = serial = model = cloud = ""

    def __init__(self, error: Exception) -> None:
        self.reason = "bug " + type(error).__name__

    def retry(self) -> str:
        """Return the state, which only a restart may change."""
        return self.state

    def race(self) -> "Race":
        """Raise ImportError, as a device without the role does: that needs the agent, too."""
        raise ImportError(self.reason)


def first_boot(hal: "Hal | None" = None) -> "Device | Unavailable":
    """Bring the device as far as it goes within its limit and return it; see `device.Device`.

    No Exception comes out of it, whatever fails. KeyboardInterrupt and SystemExit do: whoever
    sits at the prompt, or resets the chip, is to have it.
    """
    device: "Any" = None
    try:
        from .device import Device

        if hal is None:
            from .hal import Hal

            hal = Hal()
        device = Device(hal)
        device.attempt(False)
    except Exception as error:  # a file of the agent is damaged, or there is no memory for it
        device = device or Unavailable(error)
    return device


def main() -> None:
    """Run `first_boot`, then the reader's own `app.main(device)` where there is an app.

    The fifth quick reset in a row stays at the REPL, so that a device whose app crashes at once
    can still be reached. Nothing else keeps the app from starting.
    """
    hal = None
    looping = False
    path = sys.path[:]
    try:
        # Before each of the firmware's own modules the VM looks for a file of its name in every
        # folder of the flash: fifty reads. Here none is wanted. It must not be empty, though: then
        # the VM finds no module at all.
        sys.path[:] = (".frozen",)
        from .hal import Hal

        hal = Hal()
        looping = hal.crash_loop()
        if looping:
            hal.write("Five quick resets: staying here\n")
        from .device import Device  # noqa: F401 - `first_boot` takes it from there
    except Exception:  # counting resets is a help, and no condition
        pass
    finally:
        sys.path[:] = path
    if looping:
        return
    device = first_boot(hal)
    try:
        import app  # type: ignore[import-not-found] # the owner's
    except ImportError as error:
        if "'app'" not in str(error):
            raise
        return
    app.main(device)

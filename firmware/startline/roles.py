"""Roles: parts of the agent that only some readers use, each a package of its own beside this one.

startline_usb is the cable as a link, startline_led the LED, startline_improv what a browser sets
up the Wi-Fi with, startline_vms another cloud, and startline_race what times. A reader that was
given the core alone still binds and runs its app.
"""


def load_role(device, name: str):
    """Return the package of a role; None, with a warning, where it is not on this device."""
    try:
        return __import__(name)
    except ImportError:
        report_missing(device, name)
        return None


def report_missing(device, name: str) -> None:
    """Say which package would have to be loaded."""
    device.emit("warning", {"what": "no_role " + name})

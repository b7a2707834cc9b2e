"""Roles: parts of the agent that only some readers use, each a package of its own beside this one.

startline_usb is the cable as a link, startline_led the LED, startline_improv what a browser sets
up the Wi-Fi with, startline_vms another cloud, startline_race what times, by a clock and a connection
of startline_online. A reader that was given the core alone still binds and runs its app. A cloud is
such a part, too: a module in the folder `clouds`, or a role.
"""

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Cloud, Device


def load_role(device: "Device", name: str) -> "Any":
    """Return the package of a role; None, with a warning, where it is not on this device."""
    try:
        return __import__(name)
    except ImportError:
        report_missing(device, name)
        return None


def report_missing(device: "Device", name: str) -> None:
    """Say which package would have to be loaded."""
    device.emit("warning", {"what": "no_role " + name})


def find_cloud(name: str) -> "Cloud":
    """Return a cloud's module, or None."""
    if not name.isalpha():
        return None
    for module in ("startline.clouds." + name, "startline_" + name):
        try:
            found = __import__(module, None, None, ("NEEDED",))
        except ImportError:
            continue
        if hasattr(found, "NEEDED"):  # another role has such a name, too
            return found
    return None

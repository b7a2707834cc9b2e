"""Which of the agent's roles a unit's settings use, and what is sent where one is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from startline_host.errors import BadInput
from startline_host.flows.field_settings import Name
from startline_host.flows.file_update import FileChanges
from startline_host.formats.bytecode import ROLES, role_of
from startline_host.formats.stored_settings import StoredSettings

#: What a race takes: no race without a clock and a connection.
RACING_ROLES = frozenset({"startline_race", "startline_online"})
_USB, _LED = "startline_usb", "startline_led"
_IMPROV, _CONSOLE = "startline_improv", "startline_console"
_LIVEPORT = "startline_liveport"


def roles_in_use(told: StoredSettings, venue: Mapping[Name, object]) -> frozenset[str]:
    """Return the roles that a device uses that was `told` this, with the settings of its venue.

    A device that does not know who it is may be told anything yet: it uses all. Any may time a race, and be
    asked of it meanwhile; a cloud that is no part of the core is the role of its name.
    """
    if told.missing:
        return frozenset(ROLES)
    used = {*RACING_ROLES, _CONSOLE, f"startline_{told.get('claim', 'cloud')}"}
    if is_over_usb(told, venue):
        used.add(_USB)
    if told.get("set", "led"):
        used.add(_LED)
    if told.get("race", "port"):
        used.add(_LIVEPORT)
    if listens_to_a_browser(told):
        used.add(_IMPROV)
    return frozenset(used.intersection(ROLES))


def is_over_usb(told: StoredSettings, venue: Mapping[Name, object]) -> bool:
    """Tell whether such a device reaches its cloud over its USB cable; its venue's word counts first."""
    link = venue.get(("net", "link"), "")
    link = link.decode(errors="replace") if isinstance(link, bytes) else link
    return (link or told.get("net", "link")) == "usb"


def listens_to_a_browser(told: StoredSettings) -> bool:
    """Tell whether a device that was `told` this is to take its Wi-Fi from a browser."""
    return bool(told.get("set", "improv"))


def roles_to_bind(told: StoredSettings) -> frozenset[str]:
    """Return the roles without which a device that was `told` this cannot bind: link and cloud."""
    return roles_in_use(told, {}) - {*RACING_ROLES, _CONSOLE, _LIVEPORT, _LED, _IMPROV}


def role_changes(
    roles: frozenset[str], ours: Mapping[str, bytes], digests: Mapping[str, str | None]
) -> FileChanges:
    """Return the files to send to a device that has the agent without these roles.

    `digests` are those of the agent's files on the device. Raises BadInput where its core is not
    `ours`: a role goes only with the core that it was made for.
    """
    core = {
        path: data for path, data in ours.items() if path.endswith(".mpy") and not role_of(path)
    }
    if any(digests.get(path) != hashlib.sha256(data).hexdigest() for path, data in core.items()):
        raise BadInput(
            f"The device has no {', '.join(sorted(roles))}, which these settings use, and its agent "
            "is of another version. Nothing was changed.",
            "Load the agent first, then set again: startline flash --allow-bound.",
        )
    return FileChanges({path: data for path, data in ours.items() if role_of(path) in roles}, ())

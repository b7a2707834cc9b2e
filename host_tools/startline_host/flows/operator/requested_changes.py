"""What somebody wants set, by the options' names, as the settings that are written."""

from __future__ import annotations

from startline_host.flows.field_settings import Name
from startline_host.secrets import Secret


def requested_changes(
    *,
    link: str | None = None,
    ssid: str | None = None,
    password: Secret | None = None,
    ntp: tuple[str, ...] = (),
    boot_limit: int | None = None,
    look_pause: int | None = None,
    dead_time: int | None = None,
    batch: int | None = None,
    mark: bool | None = None,
) -> dict[Name, str | int | Secret]:
    """Return the settings that are named; None, and no `ntp`, leave one as it is.

    An empty `password` is an open Wi-Fi's. Whether a device could use them is for `check_changes`.
    """
    given = {
        ("net", "link"): link,
        ("net", "ssid"): ssid,
        ("net", "password"): password,
        ("net", "ntp"): ",".join(ntp) or None,
        ("set", "boot_limit"): boot_limit,
        ("set", "look_pause"): look_pause,
        ("set", "mark"): None if mark is None else int(mark),
        ("race", "dead_time"): dead_time,
        ("race", "batch"): batch,
    }
    return {name: value for name, value in given.items() if value is not None}

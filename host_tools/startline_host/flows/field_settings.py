"""Settings that were changed at a device's venue: entries of `nvs` that stand before the factory's."""

from __future__ import annotations

from startline import states

from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.notices import Remark
from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.nvs_lookup import NvsLookup
from startline_host.secrets import Secret

#: The namespaces that the agent looks for in `nvs` as well as in `fctry`.
NAMESPACES = ("net", "set", "race")

#: A setting by namespace and key.
Name = tuple[str, str]


def field_settings(nvs: bytes) -> dict[Name, bytes | int]:
    """Return what stands under `net`, `set` and `race` in a partition; texts as UTF-8."""
    part = partition_reader(nvs)
    reader = NvsLookup(part.read, part.size)
    found: dict[Name, bytes | int] = {}
    for space, key, place in reader:
        value = reader.value(place)
        # Under `race` the device keeps measured values of its own, which are no settings.
        known = space in NAMESPACES and f"{space}.{key}" in states.SETTINGS
        if known and value is not None:
            found[space, key] = value.encode() if isinstance(value, str) else value
    return found


def stored_value(value: str | int | Secret) -> bytes | int:
    """Return a setting as `field_settings` reads it back."""
    if isinstance(value, int):
        return value
    return (value.reveal() if isinstance(value, Secret) else value).encode()


def overridden(snapshot: DeviceSnapshot, fctry: bytes | None) -> tuple[Remark, ...]:
    """Say which settings of a new `fctry` will not count, because the venue's stand before them.

    On a stock table there is nothing to say: both are one.
    """
    if fctry is None or snapshot.fctry is None:
        return ()
    new = field_settings(fctry)
    names = [
        f"{space}.{key}"
        for (space, key), value in field_settings(snapshot.nvs).items()
        if new.get((space, key)) != value
    ]
    if not names:
        return ()
    return (
        Remark(
            f"Set at its venue, these stand before what is provisioned: {', '.join(names)}. "
            "To take them back: startline set --factory.",
            warning=True,
        ),
    )

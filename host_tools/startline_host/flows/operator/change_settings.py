"""`startline set`: settings of a device that is at its venue already."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from startline_host.device.event_text import printable_field
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.errors import BadInput, StorageFailed
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.field_settings import Name, field_settings
from startline_host.flows.file_update import FileSystemBroken, apply_changes
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.flows.operator.device_session import DeviceSession, device_session
from startline_host.flows.roles import role_changes, roles_in_use
from startline_host.formats.bytecode import device_files
from startline_host.formats.factory_partition import (
    NetSettings,
    OptionSettings,
    RacingSettings,
    check_net,
    check_options,
    check_racing,
)
from startline_host.secrets import Secret
from startline_host.util import printable

#: A setting by ("net", "set" or "race", key). An empty Secret is an open Wi-Fi's password.
Changes = Mapping[Name, str | int | Secret]

#: What can be taken back to the factory's, by the name that a person gives.
FACTORY: Mapping[str, tuple[Name, ...]] = MappingProxyType(
    {
        "wifi": (("net", "ssid"), ("net", "password")),
        "link": (("net", "link"),),
        "ntp": (("net", "ntp"),),
        "boot-limit": (("set", "boot_limit"),),
        "look-pause": (("set", "look_pause"),),
        "mark": (("set", "mark"),),
        "race": tuple(("race", name) for name in RacingSettings.__struct_fields__),
    }
)


class ChangeResult(msgspec.Struct, frozen=True):
    """The names of what was written, of what was taken back, and how the device came up with it."""

    names: tuple[str, ...]
    taken_back: tuple[str, ...]
    outcome: FirstBootOutcome

    def sentences(self) -> list[str]:
        """Say what was done, and how the device came up with it."""
        said = []
        if self.names:
            said.append(f"Written: {', '.join(self.names)}.")
        if self.taken_back:
            said.append(f"Restored to the factory's: {', '.join(self.taken_back)}.")
        outcome = self.outcome
        reason = f" ({printable_field(outcome.reason)})" if outcome.reason else ""
        said.append(f"{printable(outcome.serial) or 'The device'} is {outcome.state}{reason}.")
        return said

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "written": list(self.names),
            "taken_back": list(self.taken_back),
            "state": self.outcome.state,
            "reason": self.outcome.reason,
            "serial": self.outcome.serial,
        }


def check_changes(changes: Changes) -> None:
    """Raise BadInput for settings that no device could use, or none at all."""
    if not changes:
        raise BadInput(
            "No setting is given.", "Give at least one: startline set --help lists them."
        )
    net = {key: value for (space, key), value in changes.items() if space == "net"}
    password = net.get("password")
    check_net(
        NetSettings(
            link="usb" if net.get("link") == "usb" else "wifi",
            ssid=str(net.get("ssid", "?")),
            password=password if isinstance(password, Secret) and password else None,
            ntp=tuple(str(net["ntp"]).split(",")) if "ntp" in net else (),
        )
    )
    options = {key: value for (space, key), value in changes.items() if space == "set"}
    check_options(msgspec.convert(options, OptionSettings, strict=False))
    racing = {key: value for (space, key), value in changes.items() if space == "race"}
    check_racing(msgspec.convert(racing, RacingSettings, strict=False))


def change(
    line: PortSession,
    changes: Changes,
    *,
    factory: tuple[str, ...] | None = None,
    listen: Listener,
) -> ChangeResult:
    """Write settings, read them back, restart the device and follow it until it rests.

    They stand before the factory's from then on. `factory` names what is first taken back to the
    factory's, out of `FACTORY`; an empty one is everything. Raises BadInput for what
    `check_changes` does, for a device that has no settings of a factory apart, and for one whose
    agent is another version's and lacks a role that it would turn to; StorageFailed where flash does
    not do as it was told.
    """
    if changes or factory is None:
        check_changes(changes)
    with device_session(line, listen) as device:
        _send_roles(device, _roles_turned_to(device.snapshot, changes, factory), listen)
        gone = () if factory is None else _take_back(device, factory, listen)
        names = tuple(_said(name) for name in changes)
        if changes:
            _write(device, changes, listen)
            listen(Remark("The settings are stored; they override the factory's."))
        outcome = device.run_on()
    return ChangeResult(names, tuple(_said(name) for name in gone), outcome)


def _roles_turned_to(
    snapshot: DeviceSnapshot, changes: Changes, factory: tuple[str, ...] | None
) -> frozenset[str]:
    """Return the agent's roles that the device uses with the changes, and did not before."""
    told, before = snapshot.stored(), field_settings(snapshot.nvs)
    gone = () if factory is None else _taken_back(snapshot, factory)
    after = {**{name: value for name, value in before.items() if name not in gone}, **changes}
    return roles_in_use(told, after) - roles_in_use(told, before)


def _send_roles(device: DeviceSession, roles: frozenset[str], listen: Listener) -> None:
    """Send the device what it lacks of the agent's roles, before any setting turns to one."""
    missing = frozenset(role for role in roles if not device.repl.can_import(role))
    if not missing:
        return
    files = device_files()
    changes = role_changes(missing, files, device.repl.digests(files))
    listen(Step(f"Sending {', '.join(sorted(missing))}"))
    try:
        apply_changes(device.repl, changes, listen)
    except FileSystemBroken:
        raise StorageFailed(
            "The device's file system accepts no files.",
            "Rewrite it: startline flash --allow-bound --recreate-files.",
        ) from None


def _taken_back(snapshot: DeviceSnapshot, names: tuple[str, ...]) -> tuple[Name, ...]:
    """Return the settings of its venue that a device has under these names; without any, all."""
    wanted = {one for name in names for one in FACTORY[name]}
    return tuple(one for one in field_settings(snapshot.nvs) if not names or one in wanted)


def _take_back(
    device: DeviceSession, names: tuple[str, ...], listen: Listener
) -> tuple[Name, ...]:
    """Have the device forget settings of its venue; return those that there were."""
    if device.snapshot.fctry is None:
        raise BadInput(
            "The device keeps its stock partition table: what was set has replaced the factory's.",
            "Provision it again: startline provision.",
        )
    gone = _taken_back(device.snapshot, names)
    if not gone:
        listen(Remark("None of these settings was changed on the device."))
        return gone
    listen(Step(f"Restoring the factory's {', '.join(map(_said, gone))}"))
    try:
        device.run_command(f"forget({list(gone)!r})")
    except DeviceRaised:
        raise StorageFailed("The device did not restore its settings.") from None
    if gone_still := field_settings(device.read_again().nvs).keys() & set(gone):
        raise StorageFailed(
            f"{', '.join(map(_said, gone_still))} is still there after it was erased.",
            "Run the command again. If it fails again, the flash is worn.",
        )
    listen(Remark("The factory's settings apply again."))
    return gone


def _write(device: DeviceSession, changes: Changes, listen: Listener) -> None:
    listen(Step(f"Writing {', '.join(map(_said, changes))}"))
    for (space, key), value in changes.items():
        text = value.reveal() if isinstance(value, Secret) else value
        try:
            device.run_command(f"change({space!r}, {key!r}, {text!r})")
        except DeviceRaised:
            raise StorageFailed(f"The device did not take {space}.{key}.") from None
    there = field_settings(device.read_again().nvs)
    for name, value in changes.items():
        if there.get(name) != _stored(value):
            raise StorageFailed(
                f"{_said(name)} does not read back as it was written.",
                "Run the command again. If it fails again, the flash is worn.",
            )


def _said(name: Name) -> str:
    return ".".join(name)


def _stored(value: str | int | Secret) -> bytes | int:
    if isinstance(value, int):
        return value
    return (value.reveal() if isinstance(value, Secret) else value).encode()

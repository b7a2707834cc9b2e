"""Decides what `set` does: from what was asked and what was found on the device, touching neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from startline_host.errors import BadInput, StartlineError
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.expected_identity import identity_after
from startline_host.flows.field_settings import Name, field_settings
from startline_host.flows.found_device import FoundDevice
from startline_host.flows.load_plan import LoadPlan
from startline_host.flows.operator.device_session import not_controllable
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


class ChangeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a device's settings shall be.

    `factory` names what is first taken back to the factory's, out of `FACTORY`; an empty one is
    everything, None nothing. `agent` gives the files of this version's agent, of which a device is
    sent the roles that it lacks.
    """

    changes: Changes = msgspec.field(default_factory=dict)
    factory: tuple[str, ...] | None = None
    agent: Callable[[], Mapping[str, bytes]] = device_files

    # A Wi-Fi's password is among the changes.
    def __repr__(self) -> str:
        return f"ChangeRequest({['.'.join(name) for name in self.changes]}, {self.factory})"


def plan_change(request: ChangeRequest, found: FoundDevice) -> LoadPlan:
    """Return what is to be done to the device that was found, so that its settings are as requested.

    Nothing is read, written or asked: what is missing for the decision is named in `needs`. The
    changes are as `check_changes` has them.
    """
    try:
        return _decided(request, found)
    except StartlineError as refusal:
        return LoadPlan(via="prompt", refusal=refusal)


def _decided(request: ChangeRequest, found: FoundDevice) -> LoadPlan:
    kept = found.kept
    if kept is None:
        return LoadPlan(via="prompt", needs="kept")
    if request.factory is not None and kept.fctry is None:
        raise BadInput(
            "The device keeps its stock partition table: what was set has replaced the factory's.",
            "Provision it again: startline provision.",
        )
    plan = LoadPlan(
        via="prompt",
        keeps_identity=True,
        identity=identity_after(kept, None, stays=True),
        takes_back=_taken_back(kept, request.factory),
        settings=request.changes,
    )
    if roles := _roles_turned_to(kept, request.changes, plan.takes_back):
        if found.lacks is None:
            return LoadPlan(via="prompt", needs="roles")
        if missing := roles & found.lacks:
            if found.files is None:
                return LoadPlan(via="prompt", needs="files")
            files = role_changes(missing, request.agent(), found.files.digests)
            plan = msgspec.structs.replace(plan, files=files)
    if plan.takes_back or plan.settings:
        if found.takes_orders is None:
            return LoadPlan(via="prompt", needs="agent")
        if not found.takes_orders:
            raise not_controllable(kept.summary().state, has_agent=found.has_agent)
    return plan


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


def _roles_turned_to(
    snapshot: DeviceSnapshot, changes: Changes, gone: tuple[Name, ...]
) -> frozenset[str]:
    """Return the agent's roles that the device uses with the changes, and did not before."""
    told, before = snapshot.stored(), field_settings(snapshot.nvs)
    after = {**{name: value for name, value in before.items() if name not in gone}, **changes}
    return roles_in_use(told, after) - roles_in_use(told, before)


def _taken_back(snapshot: DeviceSnapshot, names: tuple[str, ...] | None) -> tuple[Name, ...]:
    """Return the settings of its venue that a device has under these names; of an empty one, all."""
    if names is None:
        return ()
    wanted = {one for name in names for one in FACTORY[name]}
    return tuple(one for one in field_settings(snapshot.nvs) if not names or one in wanted)

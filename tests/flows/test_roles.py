"""Which of the agent's roles a device gets: those that its settings use, and those that it has."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from startline_host.errors import BadInput
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.found_device import FoundDevice
from startline_host.flows.load_plan import plan_load
from startline_host.flows.operator.change_plan import ChangeRequest, Changes, plan_change
from startline_host.flows.roles import RACING_ROLES, role_changes, roles_in_use
from startline_host.formats.bytecode import ROLES, role_of
from startline_host.formats.factory_partition import NetSettings, OptionSettings, RacingSettings
from startline_host.formats.littlefs_image import read_filesystem
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.formats.stored_settings import StoredSettings
from startline_host.formats.units import Unit
from tests.flows.found_devices import (
    BLANK,
    BOUND,
    FILES,
    bundle,
    loader,
    prompt,
    provision,
    request,
)
from tests.flows.snapshots import URL, device

ROLE_FILES = {f"/lib/{role}/__init__.mpy": role.encode() for role in ROLES}
LED, USB = "startline_led", "startline_usb"
IMPROV, CONSOLE, LIVEPORT = "startline_improv", "startline_console", "startline_liveport"
VENUE_USB = make_nvs_image([NvsEntry("net", "link", "blob", b"usb")], 0x6000)


def whole() -> FirmwareBundle:
    """Return a bundle whose agent has all its roles."""
    return msgspec.structs.replace(bundle(), files={**FILES, **ROLE_FILES})


def unit(**changed: Any) -> Provision:
    """Return an identity without an LED, and with changes to its settings."""
    settings = msgspec.structs.replace(
        provision().settings, set=OptionSettings(led=False, insecure_http=True)
    )
    return Provision(Unit(serial="S1", model="X1"), msgspec.structs.replace(settings, **changed))


def roles_written(found: FoundDevice, **wanted: Any) -> set[str]:
    """Return the roles among the files that a load writes."""
    plan = plan_load(request(bundle=whole(), **wanted), found)
    assert (plan.refusal, plan.needs) == (None, None)
    if plan.files is not None:
        assert not plan.files.remove
        return {role_of(path) for path in plan.files.put} - {""}
    (vfs,) = (region.data for region in plan.regions if region.name == "vfs")
    return {role_of(path) for path in read_filesystem(vfs)} - {""}


@pytest.mark.parametrize(
    ("found", "wanted", "roles"),
    [
        (loader(BLANK), {"provision": unit()}, {*RACING_ROLES, CONSOLE}),
        (loader(BLANK), {"provision": unit(net=NetSettings(link="usb"))}, {*RACING_ROLES, CONSOLE, USB}),
        (loader(BLANK), {"provision": provision()}, {*RACING_ROLES, CONSOLE, LED}),
        (
            loader(BLANK),
            {"provision": unit(set=OptionSettings(led=False, insecure_http=True, improv=True))},
            {*RACING_ROLES, CONSOLE, IMPROV},
        ),
        (
            loader(BLANK),
            {"provision": unit(race=RacingSettings(port=3601))},
            {*RACING_ROLES, CONSOLE, LIVEPORT},
        ),
        (loader(BLANK), {}, set(ROLES)),
        (loader(BLANK), {"provision": unit(), "every_role": True}, set(ROLES)),
        (loader(device()), {}, {*RACING_ROLES, CONSOLE}),
        (loader(device(nvs=b""), broken_files=True, file_system="other"), {}, {*RACING_ROLES, CONSOLE}),
        (loader(BOUND), {"allow_bound": True}, {*RACING_ROLES, CONSOLE}),
        (loader(msgspec.structs.replace(device(), nvs=VENUE_USB)), {}, {*RACING_ROLES, CONSOLE, USB}),
        (loader(device(), owned=dict.fromkeys(ROLE_FILES)), {}, set(ROLES)),
        (prompt(device()), {}, {*RACING_ROLES, CONSOLE}),
        (prompt(device(), {**FILES, f"/lib/{USB}/__init__.mpy": b"old"}), {}, {*RACING_ROLES, CONSOLE, USB}),
        (prompt(device(), {**FILES, **ROLE_FILES}), {}, set()),
    ],
    ids=[
        "wifi", "usb", "the board's LED", "a browser", "a live port", "no identity yet", "every role", "its own settings",
        "a damaged file system", "bound", "usb at its venue", "roles in a file system that goes",
        "at its prompt", "an older role", "all there",
    ],
)  # fmt: skip
def test_a_device_gets_the_roles_that_its_settings_use(
    found: FoundDevice, wanted: dict[str, Any], roles: set[str]
) -> None:
    """Link, LED and cloud say which; what a device has is kept up to date, and never removed."""
    assert roles_written(found, **wanted) == roles


def test_a_cloud_beside_the_core_is_the_role_of_its_name() -> None:
    """A unit of such a cloud uses just that role; no list names the cloud."""
    (role,) = set(ROLES) - {*RACING_ROLES, CONSOLE, LIVEPORT, LED, USB, IMPROV}
    values: dict[str, dict[str, str | int]] = {
        "factory": {"serial": "S1", "model": "X1"},
        "claim": {"cloud": role.removeprefix("startline_"), "base_url": URL},
    }
    assert roles_in_use(StoredSettings(values, []), {}) == {*RACING_ROLES, CONSOLE, role}


def test_an_identity_needs_the_roles_that_it_binds_by() -> None:
    """Without the role of its link a device is given no identity (60), and asked only where it counts."""
    cabled = request(provision=unit(net=NetSettings(link="usb")))
    assert plan_load(request(provision=unit()), prompt(BLANK)).needs is None
    assert plan_load(cabled, prompt(BLANK)).needs == "roles"
    assert plan_load(cabled, prompt(BLANK, lacks=frozenset({LED}))).fctry is not None
    assert plan_load(cabled, prompt(BLANK, has_agent=False)).fctry is not None
    refusal = plan_load(cabled, prompt(BLANK, lacks=frozenset({USB}))).refusal
    assert isinstance(refusal, BadInput)
    assert USB in refusal.message
    assert "startline up" in refusal.hint


USB_LINK: Changes = {("net", "link"): "usb"}


@pytest.mark.parametrize(
    ("kept", "changes", "factory", "roles"),
    [
        (device(), USB_LINK, None, {USB}),
        (device(), {("net", "ntp"): "a.example"}, None, set()),
        (msgspec.structs.replace(device(), nvs=VENUE_USB), USB_LINK, None, set()),
        (msgspec.structs.replace(device(), nvs=VENUE_USB), {}, ("link",), set()),
        (BLANK, USB_LINK, None, set()),
    ],
)
def test_what_a_setting_turns_to(
    kept: DeviceSnapshot, changes: Changes, factory: tuple[str, ...] | None, roles: set[str]
) -> None:
    """Only what the device uses from now on, and did not use before, has to be sent."""
    asked = ChangeRequest(changes=changes, factory=factory, agent=lambda: ROLE_FILES)
    plan = plan_change(asked, prompt(kept, {}, lacks=frozenset(ROLES), takes_orders=True))
    assert (plan.refusal, plan.needs) == (None, None)
    sent = plan.files.put if plan.files is not None else {}
    assert set(map(role_of, sent)) == roles


def test_a_role_goes_only_with_its_own_core() -> None:
    """The role's files alone are sent; an agent of another version is refused (60) and told how."""
    ours = {**FILES, **ROLE_FILES}
    digests: dict[str, str | None] = {
        path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()
    }
    changes = role_changes(frozenset({USB}), ours, digests)
    assert list(changes.put) == [f"/lib/{USB}/__init__.mpy"]
    assert not changes.remove
    with pytest.raises(BadInput, match="another version") as caught:
        role_changes(frozenset({USB}), ours, digests | {"/lib/startline/a.mpy": "0" * 64})
    assert "startline flash --allow-bound" in caught.value.hint


def test_main_py_listens_where_the_settings_say_so() -> None:
    """A unit with `improv` starts with that role; one without it does not, though it has the role."""
    options = OptionSettings(led=False, insecure_http=True, improv=True)
    for wanted, listens in ((unit(set=options), True), (unit(), False)):
        plan = plan_load(
            request(bundle=whole(), provision=wanted),
            loader(BLANK, owned=dict.fromkeys(ROLE_FILES), broken_files=True),
        )
        (vfs,) = (region.data for region in plan.regions if region.name == "vfs")
        files = read_filesystem(vfs)
        assert f"/lib/{IMPROV}/__init__.mpy" in files
        assert (b"startline_improv" in files["/main.py"]) == listens

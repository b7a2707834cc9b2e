"""What `set` would do to a device, decided from what was found on it: no device is needed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.found_device import FoundDevice, PromptFiles
from startline_host.flows.load_preview import LoadPreview
from startline_host.flows.operator.change_plan import ChangeRequest, Changes, plan_change
from startline_host.formats.bytecode import ROLES
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.secrets import MASK, Secret
from tests.flows.found_devices import BLANK, BOUND, FILES, STOCK, prompt
from tests.flows.snapshots import device

USB = "startline_usb"
ROLE = {f"/lib/{USB}/__init__.mpy": b"usb"}
ARENA: Changes = {("net", "ssid"): "Arena", ("net", "password"): Secret("arena-wifi")}
CABLE: Changes = {("net", "link"): "usb"}
VENUE = msgspec.structs.replace(
    device(),
    nvs=make_nvs_image(
        [
            NvsEntry("net", "ssid", "blob", b"Hall"),
            NvsEntry("net", "password", "blob", b"hall-wifi"),
            NvsEntry("set", "look_pause", "u32", 45),
        ],
        0x6000,
    ),
)


def found(kept: DeviceSnapshot, **changed: Any) -> FoundDevice:
    """Return a device whose agent takes orders and lacks no role."""
    usual: dict[str, Any] = {"lacks": frozenset(), "takes_orders": True}
    return prompt(kept, **usual | changed)


def asked(changes: Changes | None = None, factory: tuple[str, ...] | None = None) -> ChangeRequest:
    """Ask for settings; this version's agent is of a few bytes."""
    return ChangeRequest(changes=changes or {}, factory=factory, agent=lambda: {**FILES, **ROLE})


def told(kept: DeviceSnapshot, request: ChangeRequest) -> dict[str, tuple[str, str]]:
    """Return what is done to each thing, and why."""
    one = found(kept)
    steps = LoadPreview(plan_change(request, one), one).steps()
    assert (steps[0].action, steps[0].why) == ("read", "over its prompt")
    return {step.what: (step.action, step.why) for step in steps[1:]}


def test_a_setting_is_shown_with_what_it_replaces() -> None:
    """New and old value stand side by side, a password masked; what stays is named."""
    assert told(BOUND, asked(ARENA)) == {
        "net.ssid": ("write", "Arena"),
        "net.password": ("write", MASK),
        "identity of S1": ("keep", "the device is bound"),
        "bind, race": ("keep", "the device's own"),
    }
    seen = told(VENUE, asked({**ARENA, ("net", "password"): Secret("")}))
    assert seen["net.ssid"] == ("write", "Arena, instead of Hall")
    assert seen["net.password"] == ("write", f"none, for an open Wi-Fi, instead of {MASK}")
    assert seen["set.look_pause"] == ("keep", "set at its venue: 45")
    again = told(VENUE, asked({("set", "look_pause"): 45}))
    assert again["set.look_pause"] == ("write", "45, as it is")


def test_what_is_taken_back_is_removed() -> None:
    """Only what the device was given at its venue goes; a setting that is given anew replaces none."""
    seen = told(VENUE, asked({("net", "ssid"): "Arena"}, ("wifi", "ntp")))
    assert seen["net.password"] == ("remove", "the factory's applies again: none")
    assert seen["net.ssid"] == ("write", "Arena")
    assert seen["set.look_pause"][0] == "keep"
    both = asked({("net", "ssid"): "Arena"}, ("wifi",))
    steps = LoadPreview(plan_change(both, found(VENUE)), found(VENUE)).steps()
    assert ("remove", "net.ssid", "it is set anew") in [(s.action, s.what, s.why) for s in steps]
    everything = plan_change(asked(factory=()), found(VENUE)).takes_back
    assert everything == (("net", "ssid"), ("net", "password"), ("set", "look_pause"))
    assert plan_change(asked(factory=()), found(BOUND, takes_orders=None)).needs is None


def test_a_role_goes_with_the_setting_that_uses_it() -> None:
    """The files of a role that is missing are written; with another version's core it is refused (60)."""
    lacking = found(device(), lacks=frozenset({USB}))
    plan = plan_change(asked(CABLE), lacking)
    assert plan.files is not None
    assert dict(plan.files.put) == ROLE
    steps = LoadPreview(plan, lacking).steps()
    assert [(one.action, one.what) for one in steps[1:3]] == [
        ("write", *ROLE),
        ("write", "net.link"),
    ]
    other = msgspec.structs.replace(lacking, files=PromptFiles(digests={}))
    refusal = plan_change(asked(CABLE), other).refusal
    assert refusal is not None
    assert (refusal.exit_code, "another version" in refusal.message) == (60, True)


@pytest.mark.parametrize(
    ("request_", "one", "code", "words"),
    [
        (asked(factory=()), found(STOCK), 60, "stock partition table"),
        (asked(ARENA), found(BLANK, takes_orders=False), 11, "can control"),
        (asked(ARENA), found(BLANK, takes_orders=False, has_agent=False), 11, "can control"),
    ],
)
def test_what_is_not_set(request_: ChangeRequest, one: FoundDevice, code: int, words: str) -> None:
    """A refusal has its reason and exit code, and such a plan writes nothing."""
    plan = plan_change(request_, one)
    assert plan.refusal is not None
    assert (plan.refusal.exit_code, words in plan.refusal.message) == (code, True)
    assert (plan.needs, plan.settings, plan.takes_back, plan.files) == (None, {}, (), None)
    actions = [step.action for step in LoadPreview(plan, one).steps()]
    assert actions == ["read", "refuse"]


def test_what_a_decision_still_needs() -> None:
    """What was not read yet is named, one after the other, and only where it counts."""
    bare = prompt(device(), None)
    nothing = msgspec.structs.replace(bare, kept=None)
    assert plan_change(asked(ARENA), nothing).needs == "kept"
    assert plan_change(asked(ARENA), bare).needs == "agent"
    assert plan_change(asked(CABLE), bare).needs == "roles"
    lacking = msgspec.structs.replace(bare, lacks=frozenset(ROLES))
    assert plan_change(asked(CABLE), lacking).needs == "files"


def test_no_password_is_in_what_is_shown_of_a_plan() -> None:
    """Neither a request nor a plan shows what is written."""
    request = asked(ARENA)
    plan = plan_change(request, found(VENUE))
    shown = f"{request!r}{plan!r}{LoadPreview(plan, found(VENUE)).as_dict()}"
    assert not any(word in shown for word in ("arena-wifi", "hall-wifi"))

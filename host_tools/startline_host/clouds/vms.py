"""VMS billing activation on this side: it has no list, and can only be asked whether a device is taken."""

from __future__ import annotations

from typing import Any, Literal

import httpx
from startline.net.bind_request import BindAnswer
from startline.roles import find_cloud

from startline_host.clouds.bound_device import BoundDevice
from startline_host.clouds.cloud_client import cloud_client
from startline_host.clouds.cloud_kind import CloudBench, CloudDemo, CloudKind
from startline_host.clouds.request_identity import RequestIdentity
from startline_host.device.event_text import printable_field
from startline_host.errors import CloudDisagrees, RefusedByCloud
from startline_host.formats.factory_partition import ClaimSettings, DeviceSettings
from startline_host.secrets import Secret
from startline_host.util import printable

_AGENT: Any = find_cloud("vms")


class VmsClaim(ClaimSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The user who gets the device, its `name` and `type`; `auth` is an Authorization value.

    `by` is what the service is to know the device by: its serial number, the chip's MAC, or both.
    """

    login: str = ""
    name: str = ""
    type: str = ""
    auth: Secret | None = None
    skip_reserve: bool = False
    by: Literal["both", "serial", "mac"] = "both"


def check(device: BoundDevice, settings: DeviceSettings, _key: Secret | None) -> str:
    """Say what the cloud has of a device that is bound. Raises what `check_taken` does."""
    return f"The cloud would not activate it again: {check_taken(settings, device)}"


def check_taken(settings: DeviceSettings, device: BoundDevice) -> str:
    """Return in what words the cloud says that it would not activate this device again.

    Nothing is changed there, and the words do not prove who has it. Raises CloudDisagrees where
    the cloud says that the device is free, RefusedByCloud for an answer that says nothing of the
    device, and NetworkFailed or TlsFailed where it cannot be asked.
    """
    claim = settings.claim
    mac = bytes.fromhex(device.mac.replace(":", ""))
    asked = RequestIdentity(claim, serial=device.serial, mac=mac)
    path, headers, body = _AGENT.request(asked, "", "check")
    with cloud_client(claim.base_url, settings.tls.ca) as client:
        answer = client.post(path, headers=headers, content=body)
    if answer.status_code == httpx.codes.NO_CONTENT:
        raise CloudDisagrees(
            f"The device says that it is bound, but the cloud has {printable(device.serial)} as "
            "free.",
            "Look for it in the cloud's own page. Was it removed there? Then: startline reset.",
        )
    if answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
        raise RefusedByCloud(
            f"The device is bound, but the cloud answers its check with {answer.status_code}.",
            "Is claim.base_url right, and does the cloud want an Authorization value (claim.auth)?",
        )
    said = BindAnswer(_AGENT)
    said.read(answer.content)
    words = printable_field(said.meaning(answer.status_code, ())[2])
    if _only_blames_the_question(answer):
        raise RefusedByCloud(
            f"The device is bound, but the cloud's check says nothing of it: {words}",
            "Is claim.type what the service calls such a device?",
        )
    return words


def _only_blames_the_question(answer: httpx.Response) -> bool:
    """Tell whether a 422 finds fault with the type alone: a device that is taken is blamed itself."""
    try:
        errors = answer.json()["errors"]
    except (ValueError, LookupError, TypeError, UnicodeDecodeError):
        return False
    return isinstance(errors, dict) and errors.keys() == {"type"}


def bench_claim(base_url: str, _key: Secret, serial: str) -> VmsClaim:
    """Return what a reader of the bench is told, by a user and of a type that the mock knows."""
    return VmsClaim(
        cloud="vms", base_url=base_url, login="user-login", name=serial, type="mediaagent"
    )


def case_options(setup: Any, _envelope: str) -> dict[str, Any]:
    """Return the mock's options for a scenario's `cloud` table."""
    # No page says that a second activation makes a new device.
    second = setup.second_bind if setup.second_bind != "new" else "conflict"
    return {"vms_second_bind": second}


CLOUD = CloudKind(
    title="VMS",
    claim=VmsClaim,
    check=check,
    check_wants_key=False,
    retry_settles="startline retry has the device ask once more whether it is free. ",
    bench=CloudBench(
        mock="startline_host.mock_cloud:MockCloud",
        base_url=lambda mock: str(mock.root_url),
        devices=lambda mock: list(mock.vms.devices()),
        bind_path="/api/v1/billing/devices/activate",
        claim=bench_claim,
        settings='login = "user-login"\nname = "name"\ntype = "mediaagent"\n',
        case_options=case_options,
    ),
    demo=CloudDemo(
        serial="sn",
        model="Model X1",
        token="25",
        note="The page's own request, with this chip's MAC where its example has \"fake_mac_5\".",
    ),
)

"""RUFUS Cloud on this side: its keys, its list of devices, and how a device is taken off it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

import httpx
from startline.clouds.rufus import canonical
from startline.net.device_list import OTHER, SerialNumber

from startline_host.clouds.cloud_check import DeviceList
from startline_host.clouds.cloud_client import NOT_ALLOWED, cloud_client
from startline_host.clouds.cloud_kind import (
    CloudBench,
    CloudDemo,
    CloudDevice,
    CloudKind,
    CloudRace,
    KeyDoctor,
)
from startline_host.clouds.rufus_keys import ask, judge_claim_key, judge_read_key, key_headers
from startline_host.clouds.rufus_passings import as_sent, session_passings
from startline_host.errors import (
    CloudDisagrees,
    OutcomeUnknown,
    RefusedByCloud,
)
from startline_host.formats.factory_partition import ClaimSettings
from startline_host.secrets import Secret, redact
from startline_host.util import printable

_MOST_WORDS = 80


class RufusClaim(ClaimSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A company's API `key`; `key_header` is what carries it."""

    key_header: Literal["both", "api_key", "x-api-key"] = "both"


# One device


def get_device(
    base_url: str, ca: Sequence[bytes], key: Secret, *, token: str, serial: str
) -> CloudDevice:
    """Ask for a device by its token.

    Raises CloudDisagrees for one of another serial number, RefusedByCloud for an answer that is
    none, NetworkFailed or TlsFailed where none came.
    """
    with cloud_client(base_url, ca, key_headers(key)) as client:
        answer = client.get(_path(token))
    if answer.status_code == httpx.codes.NOT_FOUND:
        return CloudDevice(found=False)
    if answer.status_code in NOT_ALLOWED:
        return CloudDevice(found=None)
    try:
        told = _fields(answer.content)["result"]
        told = told[0] if isinstance(told, list) else told
        there = told.get("serial_number")
        device = CloudDevice(True, _count(told, "sessions"), _count(told, "passings"))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise RefusedByCloud(
            f"The cloud's answer about the device cannot be read ({answer.status_code})."
        ) from None
    # What cannot be compared is no other's: that the cloud has this deviceid says more.
    if (
        isinstance(there, str)
        and SerialNumber(serial).compare(there) == OTHER
        and "\ufffd" not in there
    ):
        raise CloudDisagrees(
            f"The cloud knows this deviceid as {printable(there)}, and the device is "
            f"{printable(serial)}. Nothing was changed."
        )
    return device


def unbind_device(base_url: str, ca: Sequence[bytes], key: Secret, token: str) -> bool:
    """Delete a device at the cloud; tell whether it was there.

    Raises RefusedByCloud for a key that may not, OutcomeUnknown where the answer tells nothing,
    NetworkFailed or TlsFailed where none came: doing it again is safe.
    """
    with cloud_client(base_url, ca, key_headers(key)) as client:
        answer = client.delete(_path(token))
    if answer.status_code == httpx.codes.NOT_FOUND:
        return False
    if answer.status_code == httpx.codes.OK and token.lower() in answer.text.lower():
        return True
    said = " ".join(printable(redact(answer.text, key)).split())[:_MOST_WORDS]
    if httpx.codes.is_client_error(answer.status_code):
        raise RefusedByCloud(
            f"The cloud does not let the key unbind the device ({answer.status_code}: {said}).",
            "Give a key with the unbind right in STARTLINE_UNBIND_KEY. Nothing was changed.",
        )
    raise OutcomeUnknown(
        f"Whether the cloud has unbound the device is not known ({answer.status_code}: {said}).",
        "The device was left as it is. Run the command again.",
    )


def _path(token: str) -> str:
    """Return where a device is, also for a deviceid that was kept as it came, with white space."""
    return f"/devices/{quote(canonical(token) or token, safe='')}"


def _fields(content: bytes) -> dict[str, Any]:
    """Return an answer's fields, whatever is odd about those that nobody wants. Raises ValueError."""
    told = json.loads(content.decode("utf-8-sig", "replace"))
    for _ in range(2):
        told = told.get("body", told)
        if isinstance(told, str):
            told = json.loads(told)
    return dict(told)


def _count(told: dict[str, object], name: str) -> int | None:
    value = told.get(name)
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) else None


def say_losses(there: CloudDevice, name: str) -> str:
    """Say what goes with a device that is taken off the cloud; `name` has its serial and deviceid."""
    if there.found is False:
        return (
            f"The cloud does not have {name}: it was unbound before, or the key is another "
            "company's. The device will forget its deviceid, which no cloud tells again."
        )
    if there.sessions is None:
        lost = "How many sessions go with it is not known: the key may not read"
    else:
        lost = f"{there.sessions} sessions with {there.passings} passings go with it, for good"
    return f"{name} is taken off its cloud. {lost}."


# The bench and the demo


def bench_claim(base_url: str, key: Secret, _serial: str) -> RufusClaim:
    """Return what a reader of the bench is told."""
    return RufusClaim(cloud="rufus", base_url=base_url, key=key)


def case_options(setup: Any, envelope: str) -> dict[str, Any]:
    """Return the mock's options for a scenario's `cloud` table."""
    names = ("answer_form", "second_bind", "type_required")
    told = {name: getattr(setup, name) for name in names}
    return {"envelope": envelope, **told, **setup.rules.given()}


def all_passings(mock: Any) -> list[dict[str, Any]]:
    """Return the passings of every session of the one device, as a READ key sees them."""
    key = Secret(mock.keys["READ"])
    found: list[dict[str, Any]] = []
    with cloud_client(mock.base_url, [mock.ca_der], key_headers(key)) as client:
        (device,) = mock.devices()
        sessions = client.get(f"/sessions/device/{device['deviceid']}").json()["result"]
        for session in sessions:
            path = f"/passings/session/{session['token_session']}"
            found += client.get(path).json()["result"]
    return found


_LIST = DeviceList("rufus", key_headers)

CLOUD = CloudKind(
    title="RUFUS Cloud",
    claim=RufusClaim,
    check=_LIST.check,
    list_devices=_LIST.read,
    get_device=get_device,
    unbind_device=unbind_device,
    losses=say_losses,
    race=CloudRace(session_passings=session_passings, as_sent=as_sent),
    doctor=KeyDoctor(ask=ask, claim_key=judge_claim_key, read_key=judge_read_key),
    bench=CloudBench(
        mock="startline_host.mock_cloud:MockCloud",
        base_url=lambda mock: str(mock.base_url),
        devices=lambda mock: list(mock.devices()),
        bind_path="/v0/devices",
        claim=bench_claim,
        settings='key_env = "{key_env}"\n',
        case_options=case_options,
        sessions=lambda mock: list(mock.sessions()),
        varies=("key", "envelope"),
    ),
    demo=CloudDemo(
        serial="DEVICE-123",
        model="Model X1",
        token="65A1B7E0C6BC3D32C268C1506E3F6F39E225DC6ED79573E177E7243E8E38115B",
        passings=all_passings,
    ),
)

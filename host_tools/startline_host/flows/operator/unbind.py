"""`startline unbind`: takes a device off its cloud, and then lets the device know."""

from __future__ import annotations

from typing import Any

import msgspec

from startline_host.clouds.cloud_registry import kind_of
from startline_host.device.port_session import PortSession
from startline_host.errors import BadInput, OutcomeUnknown
from startline_host.flows.next_steps import next_of_state
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.flows.operator.cloud_target import CloudTarget, check_cloud_target
from startline_host.flows.operator.confirmation import Ask, Confirmation, confirm
from startline_host.flows.operator.device_session import device_session
from startline_host.flows.operator.reset import clear
from startline_host.secrets import Secret
from startline_host.util import printable


class UnbindResult(msgspec.Struct, frozen=True):
    """A device that its cloud no longer has; `sessions` is None where that was not told."""

    state: str
    serial: str
    token: str
    sessions: int | None
    has_key: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "state": self.state,
            "serial": self.serial,
            "deviceid": self.token,
            "sessions_lost": self.sessions,
            "has_claim_key": self.has_key,
        }


def unbind(
    line: PortSession,
    cloud_target: CloudTarget | None,
    key: Secret,
    ask: Ask,
    *,
    read_key: Secret | None,
    listen: Listener,
) -> UnbindResult:
    """Delete the device at its cloud first, then clear its record.

    `key` has the unbind right; `read_key`, or else `key` itself, tells what will be lost. A cut
    in between is mended by doing it again: what the cloud no longer has counts as deleted.
    Raises BadInput where it was not confirmed, and RefusedByCloud, NetworkFailed, TlsFailed or
    OutcomeUnknown with the device as it was.
    """
    with device_session(line, listen) as device:
        serial = device.serial
        view = device.snapshot.record()
        token = device.snapshot.summary().token
        if view.state == "unknown":
            raise OutcomeUnknown(
                f"Whether {printable(serial)} is bound is not known.",
                next_of_state(view.state, view.reason),
            )
        if view.state != "bound" or not token:
            listen(Remark(f"It is {view.state}: there is nothing to unbind."))
            return UnbindResult(view.state, serial, "", None, has_key=False)
        kind = kind_of(device.cloud)
        if kind.get_device is None or kind.unbind_device is None or kind.losses is None:
            raise BadInput(
                "This cloud cannot unbind devices.",
                "Use the cloud's own page, then run: startline reset.",
            )
        cloud_target = check_cloud_target(cloud_target, device.stored)
        there = kind.get_device(
            cloud_target.base_url, cloud_target.ca, read_key or key, token=token, serial=serial
        )
        name = f"{printable(serial)} (deviceid {printable(token)})"
        confirm(ask, Confirmation(kind.losses(there, name), serial, "--confirm"))
        listen(Step("Unbinding it at the cloud"))
        if not kind.unbind_device(cloud_target.base_url, cloud_target.ca, key, token):
            listen(Remark("The cloud no longer has it."))
        cleared = clear(device, listen)
    return UnbindResult(cleared.state, serial, token, there.sessions, cleared.has_key)

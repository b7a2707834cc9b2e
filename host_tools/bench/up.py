"""`startline up`: from whatever a board is now to bound and verified, or one clear reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from host_tools.bench.cloud_check import check_device
from host_tools.bench.first_boot import Outcome, follow_first_boot
from host_tools.bench.loading import load
from host_tools.bench.notices import Listener, Remark, Step, nobody
from host_tools.bench.order import LoadReport, Order
from host_tools.bench.restart import restart
from host_tools.bench.vms_check import check_taken
from host_tools.device.deadline import Deadline
from host_tools.device.line import Line
from host_tools.device.port import DEFAULT_BAUD
from host_tools.errors import Bug
from host_tools.images.factory import Settings
from host_tools.secrets import Secret

#: The agent's own limit for a first boot, in seconds, and what the host adds to it.
_BOOT_LIMIT, _MARGIN = 90, 30


class UpResult(msgspec.Struct, frozen=True):
    """A device that is bound: its identity, how it was loaded, and whether the cloud agrees."""

    state: str
    serial: str
    token: str
    verified: bool
    load: LoadReport
    ms: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "state": self.state,
            "serial": self.serial,
            "deviceid": self.token,
            "verified": self.verified,
            "first_boot_ms": self.ms,
            **self.load.as_dict(),
        }


def up(
    url: str,
    order: Order,
    *,
    baud: int = DEFAULT_BAUD,
    read_key: Secret | None = None,
    limit: float | None = None,
    listen: Listener = nobody,
) -> UpResult:
    """Load the device, start it, follow its first boot and check with the cloud.

    `limit` bounds the first boot in seconds. Without a `read_key` the cloud is not asked, and the
    result says so. Raises the StartlineError that tells best what went wrong.
    """
    if order.kit is None or order.provision is None:
        raise Bug("up needs both a kit and a provision.")
    provision = order.provision
    with Line(url, baud) as line:
        report = load(line, order, listen)
        listen(Step("Starting the device"))
        restart(line, listen)
        allowed = limit or (provision.settings.set.boot_limit or _BOOT_LIMIT) + _MARGIN
        outcome = follow_first_boot(line.port(), Deadline(allowed), listen)
    failure = outcome.error()
    if failure is not None and not outcome.bound:
        raise failure
    verified = verify(outcome, provision.settings, read_key, listen)
    if failure is not None:
        raise failure
    return UpResult(outcome.state, outcome.serial, outcome.token, verified, report, outcome.ms)


def verify(outcome: Outcome, settings: Settings, key: Secret | None, listen: Listener) -> bool:
    """Check a bound device with the cloud, and tell whether that could be done.

    Raises CloudDisagrees where the cloud tells another story, and NetworkFailed, TlsFailed,
    RefusedByCloud or BadInput where it cannot be asked.
    """
    check = _CHECKS.get(settings.claim.cloud)
    reason = ""
    if outcome.base_url and outcome.base_url != settings.claim.base_url:
        reason = f"the device belongs to {outcome.base_url}, not to this cloud"
    elif check is None:
        reason = f"{settings.claim.cloud} has no call for that"
    elif key is None and check is _check_by_list:
        reason = "there is no READ key (STARTLINE_READ_KEY)"
    if reason or check is None:
        listen(Remark(f"Not checked with the cloud: {reason}.", warning=True))
        return False
    listen(Step("Checking with the cloud"))
    listen(Remark(check(outcome, settings, key)))
    return True


def _check_by_list(outcome: Outcome, settings: Settings, key: Secret | None) -> str:
    check_device(
        settings.claim.base_url,
        settings.tls.ca,
        key or Secret(""),
        serial=outcome.serial,
        token=outcome.token,
    )
    return "The cloud knows this very device."


def _check_taken(outcome: Outcome, settings: Settings, _key: Secret | None) -> str:
    return f"The cloud would not activate it again: {check_taken(settings, outcome)}"


#: How each cloud is asked about a device that says it is bound; each returns what was found.
_CHECKS: Mapping[str, Callable[[Outcome, Settings, Secret | None], str]] = MappingProxyType(
    {"rufus": _check_by_list, "vms": _check_taken}
)

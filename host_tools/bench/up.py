"""`startline up`: from whatever a board is now to bound and verified, or one clear reason why not."""

from __future__ import annotations

from typing import Any

import msgspec

from host_tools.bench.cloud_check import check_device
from host_tools.bench.first_boot import Outcome, follow_first_boot
from host_tools.bench.kit import Provision
from host_tools.bench.loading import load, restart
from host_tools.bench.notices import Listener, Remark, Step, nobody
from host_tools.bench.order import LoadReport, Order
from host_tools.device.deadline import Deadline
from host_tools.device.line import Line
from host_tools.device.port import DEFAULT_BAUD
from host_tools.errors import Bug
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
        restart(line)
        allowed = limit or (provision.settings.set.boot_limit or _BOOT_LIMIT) + _MARGIN
        outcome = follow_first_boot(line.port(), Deadline(allowed), listen)
    failure = outcome.error()
    if failure is not None and not outcome.bound:
        raise failure
    verified = _verify(outcome, provision, read_key, listen)
    if failure is not None:
        raise failure
    return UpResult(outcome.state, outcome.serial, outcome.token, verified, report, outcome.ms)


def _verify(outcome: Outcome, provision: Provision, key: Secret | None, listen: Listener) -> bool:
    """Check with the cloud, and tell whether that could be done."""
    settings = provision.settings
    reason = ""
    if key is None:
        reason = "there is no READ key (STARTLINE_READ_KEY)"
    elif settings.claim.cloud != "rufus":
        reason = f"the list of {settings.claim.cloud} cannot be read yet"
    elif outcome.base_url and outcome.base_url != settings.claim.base_url:
        reason = f"the device belongs to {outcome.base_url}, not to this cloud"
    if reason or key is None:
        listen(Remark(f"Not checked with the cloud: {reason}.", warning=True))
        return False
    listen(Step("Checking with the cloud"))
    check_device(
        settings.claim.base_url,
        settings.tls.ca,
        key,
        serial=outcome.serial,
        token=outcome.token,
    )
    listen(Remark("The cloud knows this very device."))
    return True

"""`startline up`: from whatever a board is now to bound and verified, or one clear reason why not."""

from __future__ import annotations

from typing import Any

import msgspec

from startline_host.device.port import DEFAULT_BAUD
from startline_host.device.port_session import PortSession
from startline_host.errors import Bug
from startline_host.flows.load_request import LoadReport, LoadRequest
from startline_host.flows.loading import load
from startline_host.flows.notices import Listener, ignore_notices
from startline_host.flows.provision import bind_and_verify, checked_with_cloud
from startline_host.secrets import Secret


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
    request: LoadRequest,
    *,
    baud: int = DEFAULT_BAUD,
    read_key: Secret | None = None,
    limit: float | None = None,
    listen: Listener = ignore_notices,
) -> UpResult:
    """Load the device, start it, follow its first boot and check with the cloud.

    `limit` bounds the first boot in seconds. With a `read_key`, nothing is written for a serial
    number that the cloud's list has already, nor where the list cannot be read; without one the
    cloud is not asked, and the result says so. Raises the StartlineError that tells best what went
    wrong.
    """
    if request.bundle is None or request.provision is None:
        raise Bug("up needs both a bundle and a provision.")
    provision = request.provision

    settings = provision.settings

    with PortSession(url, baud) as line:
        report = load(line, checked_with_cloud(request, read_key, listen), listen)
        outcome, verified = bind_and_verify(line, settings, report, read_key, listen, limit=limit)
    return UpResult(outcome.state, outcome.serial, outcome.token, verified, report, outcome.ms)

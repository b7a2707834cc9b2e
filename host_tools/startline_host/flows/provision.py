"""`startline provision`: an identity for a device that has its agent; the cloud is looked at first."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from startline_host.device.port_session import PortSession
from startline_host.errors import Bug
from startline_host.flows.cloud_verification import (
    check_cloud_before,
    check_cloud_of_snapshot,
    verify_with_cloud,
)
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.expected_identity import identity_after
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.first_boot import FirstBootOutcome, run_first_boot
from startline_host.flows.load_request import LoadReport, LoadRequest
from startline_host.flows.loading import load
from startline_host.flows.notices import Listener, ignore_notices
from startline_host.flows.preflight import check_before_writing
from startline_host.flows.restart import restart
from startline_host.flows.usb_link import over_usb
from startline_host.flows.wifi_scan import scan_after_boot, with_networks
from startline_host.formats.factory_partition import DeviceSettings
from startline_host.secrets import Secret


class ProvisionResult(msgspec.Struct, frozen=True):
    """A device with its identity; how it came up with it, where this computer carried that."""

    load: LoadReport
    outcome: FirstBootOutcome | None = None
    verified: bool = False

    @property
    def next_step(self) -> str:
        """What to do next: a device that was not followed binds itself meanwhile."""
        if self.outcome is not None:
            return ""
        if self.load.without_agent:
            return "to load its agent: startline flash"
        return "it now binds itself; to see that it did: startline wait --for bound --interrupt"

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        if self.outcome is None:
            return {**self.load.as_dict(), "next": self.next_step}
        came_up = {"state": self.outcome.state, "deviceid": self.outcome.token}
        return {**self.load.as_dict(), **came_up, "verified": self.verified}


def checked_with_cloud(
    request: LoadRequest, read_key: Secret | None, listen: Listener
) -> LoadRequest:
    """Return the request with a look into the cloud's list before anything is written.

    Loading then raises as `check_cloud_before` does. A device that will be left as it is anyway is left
    without a look.
    """
    if request.provision is None:
        raise Bug("A device without an identity of its own cannot be looked for.")
    provision = request.provision
    settings = provision.settings

    def choose(snapshot: DeviceSnapshot) -> Provision:
        stays, claim_may_read = snapshot.summary().must_stay, True
        if stays and not request.allow_bound:
            return provision
        if stays:
            identity = identity_after(snapshot, provision, stays=True)
            check_cloud_of_snapshot(identity, settings, read_key)
        else:
            claim_may_read = check_before_writing(settings, listen)
        serial = "" if stays else provision.unit.serial
        check_cloud_before(
            settings, serial, read_key, listen, tokens=(), claim_may_read=claim_may_read
        )
        return provision

    return msgspec.structs.replace(request, choose=choose)


def provision_device(
    line: PortSession,
    request: LoadRequest,
    *,
    read_key: Secret | None = None,
    listen: Listener = ignore_notices,
) -> ProvisionResult:
    """Write a unit's identity and restart the device, which then binds itself.

    One whose link is this very cable is followed until it has come to rest, and checked with the
    cloud. Raises as `load`, `check_cloud_before` and `verify_with_cloud` do, and what its first boot
    failed with.
    """
    if request.provision is None:
        raise Bug("provision needs a provision.")
    settings = request.provision.settings
    report = load(line, checked_with_cloud(request, read_key, listen), listen)
    if not over_usb(settings):
        restart(line, listen)
        return ProvisionResult(report)
    outcome, verified = bind_and_verify(line, settings, report, read_key, listen)
    return ProvisionResult(report, outcome, verified)


def bind_and_verify(
    line: PortSession,
    settings: DeviceSettings,
    report: LoadReport,
    read_key: Secret | None,
    listen: Listener,
    *,
    limit: float | None = None,
) -> tuple[FirstBootOutcome, bool]:
    """Follow a loaded device until it is bound; return how, and whether the cloud knows it so.

    `limit` bounds its first boot in seconds. Raises what it failed with, and as `run_first_boot`
    and `verify_with_cloud` do.
    """
    outcome = run_first_boot(line, settings, report.identity, limit=limit, listen=listen)
    ssid = settings.net.ssid if settings.net is not None and not over_usb(settings) else ""
    outcome = with_networks(outcome, ssid, partial(scan_after_boot, line, listen), listen)
    failure = outcome.error()
    if failure is not None and not outcome.bound:
        raise failure
    verified = verify_with_cloud(outcome, settings, read_key, listen, report.identity)
    if failure is not None:
        raise failure
    return outcome, verified

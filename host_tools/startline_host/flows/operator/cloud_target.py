"""Which cloud the host asks: the one that its operator named, never one that a device names."""

from __future__ import annotations

import msgspec

from startline_host.clouds.cloud_registry import DEFAULT_CLOUD
from startline_host.errors import BadInput, WrongDevice
from startline_host.formats.cloud_url import same_cloud
from startline_host.formats.stored_settings import StoredSettings
from startline_host.util import printable


class CloudTarget(msgspec.Struct, frozen=True):
    """A cloud's base URL, the CAs (DER) that vouch for it (none: this computer's own), its kind."""

    base_url: str
    ca: tuple[bytes, ...] = ()
    cloud: str = DEFAULT_CLOUD


def check_cloud_target(cloud_target: CloudTarget | None, stored: StoredSettings) -> CloudTarget:
    """Return the place if the device belongs there.

    A device could name any server, and a key would go there: so it is the operator who names it.
    Raises BadInput where nobody did, WrongDevice where the device belongs elsewhere.
    """
    there = printable(stored.get("claim", "base_url").rstrip("/"))
    if cloud_target is None:
        raise BadInput(
            "No cloud was named.",
            f"The device names {there or 'none'}. If that is right: --base-url {there or 'URL'}, "
            "with --ca FILE where the cloud has a CA of its own; or --settings FILE.",
        )
    if not same_cloud(cloud_target.base_url, there):
        raise WrongDevice(
            f"The device belongs to {there or 'no cloud'}, not to {printable(cloud_target.base_url)}.",
            "Name its own cloud: --base-url and --ca, or --settings.",
        )
    return cloud_target

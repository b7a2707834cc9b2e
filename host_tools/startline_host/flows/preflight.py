"""What can be known of settings, CA and keys before a device is touched.

A wrong CA costs a device 26 s of its first boot, a wrong key its first request. So both are tried
from here first, by calls that change nothing. A cloud that this computer does not reach is no
fault: the reader may stand in another network.
"""

from __future__ import annotations

from datetime import UTC, datetime

from startline_host.clouds.cloud_registry import kind_of
from startline_host.errors import ClockWrong, NetworkFailed, StartlineError, TlsFailed
from startline_host.flows.device_tls import check_authorities, check_server
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.formats.ca_certificates import check_readable, parse_certificate
from startline_host.formats.factory_partition import DeviceSettings

CLOCK_REMEDY = "Set it from the network: sudo timedatectl set-ntp true."


def check_offline(settings: DeviceSettings) -> None:
    """Raise what a device would fail with for its CAs, as far as they alone can tell.

    BadInput for one that it cannot read; TlsFailed or ClockWrong where none of them is valid today.
    """
    ca = settings.tls.ca
    for der in ca:
        check_readable(der)
    if not ca:
        return
    check_authorities(ca)
    problems = [problem for der in ca if (problem := not_valid_now(der)) is not None]
    if len(problems) == len(ca):
        raise problems[0]


def not_valid_now(der: bytes) -> StartlineError | None:
    """Return why a certificate is not valid today, None for one that is."""
    certificate = parse_certificate(der)
    name = certificate.subject.rfc4514_string()
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    today = datetime.now(UTC)
    if end < today:
        return TlsFailed(
            f"The CA {name} expired on {end:%Y-%m-%d}.", "Get the cloud's present CA."
        )
    if begin > today:
        return ClockWrong(
            f"The CA {name} is valid from {begin:%Y-%m-%d}, which is still to come.",
            f"Is this computer's clock right? {CLOCK_REMEDY}",
        )
    return None


def check_before_writing(settings: DeviceSettings, listen: Listener) -> bool:
    """Try CA and claim key at the cloud, as far as it is reached from here.

    Returns False for a claim key that is known not to read the cloud's list: nobody need ask again.
    Raises TlsFailed for a server that a device will not accept, and as the cloud's `KeyDoctor` does for
    a key that cannot bind; what the cloud fails at otherwise is left to the device.
    """
    listen(Step("Checking the CA and the claim key"))
    claim = settings.claim
    try:
        check_server(claim.base_url, settings.tls.ca)
        doctor = kind_of(claim.cloud).doctor
        if doctor is not None and claim.key is not None:
            return doctor.claim_key(settings, doctor.ask(settings, None)).may_read
    except NetworkFailed as error:
        listen(Remark(f"Not checked from here: {error.message}", warning=True))
    except StartlineError as error:
        raise type(error)(f"{error.message} Nothing was written.", error.hint) from None
    return True

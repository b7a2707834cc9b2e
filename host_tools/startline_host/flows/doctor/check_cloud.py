"""The settings, the CA, the clock and the keys, judged by calls that change nothing at the cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from startline_host.clouds.cloud_client import unverified_time
from startline_host.clouds.cloud_kind import KeyDoctor, KeyOpinion
from startline_host.clouds.cloud_registry import kind_of
from startline_host.errors import BadInput, ClockWrong, StartlineError, TlsFailed
from startline_host.flows.device_tls import check_authorities, check_server
from startline_host.flows.doctor.finding import DoctorFinding, bad, good, note
from startline_host.flows.preflight import CLOCK_REMEDY, not_valid_now
from startline_host.flows.settings_file import load_settings
from startline_host.formats.ca_certificates import parse_certificate
from startline_host.formats.factory_partition import DeviceSettings
from startline_host.secrets import Secret
from startline_host.util import printable

#: A CA that expires sooner is worth a word: readers stay in use for years.
_SOON = timedelta(days=90)
#: No certificate and no bind depends on less.
_SKEW = timedelta(minutes=2)


def check_cloud(path: Path, read_key: Secret | None, *, named: bool) -> Iterator[DoctorFinding]:
    """Look at the settings file and at the cloud that it names.

    A file that is missing counts only if it was `named`. The cloud is asked for a list of one
    device, with each key; nothing is ever bound or changed.
    """
    if not named and not path.exists():
        yield note(
            "settings",
            f"There is no {path} here: cloud, CA and keys were not looked at.",
            "Name one: --settings FILE.",
        )
        return
    said: list[str] = []
    try:
        settings = load_settings(path, warn=said.append).settings
    except BadInput as error:
        yield bad("settings", error)
        return
    yield good("settings", f"{path} can be used.")
    for words in said:
        yield note("settings", words)
    yield from _authorities(settings.tls.ca)
    yield _network(settings)
    doctor = kind_of(settings.claim.cloud).doctor
    if doctor is None:
        yield note("cloud", f"{settings.claim.cloud} has no read-only call, so it was not asked.")
        return
    yield from _ask(doctor, settings, read_key)


def _authorities(ca: tuple[bytes, ...]) -> Iterator[DoctorFinding]:
    for der in ca:
        problem = not_valid_now(der)
        if problem is not None:
            yield bad("CA", problem)
            continue
        certificate = parse_certificate(der)
        name = printable(certificate.subject.rfc4514_string())
        end = certificate.not_valid_after_utc
        if end - datetime.now(UTC) < _SOON:
            yield note(
                "CA",
                f"The CA {name} expires on {end:%Y-%m-%d}.",
                "Add its successor to [tls] ca: a device takes two.",
            )
        else:
            yield good("CA", f"{name}, valid until {end:%Y-%m-%d}.")
    try:
        check_authorities(ca)
    except BadInput as error:
        yield bad("CA", error)


def _network(settings: DeviceSettings) -> DoctorFinding:
    net = settings.net
    if net is None:
        return note("network", "The settings name no network: a device binds once it is told one.")
    if net.link == "wifi":
        return good("network", f"Devices join the Wi-Fi {printable(net.ssid)!r}.")
    return good("network", "Devices reach the cloud through their USB cable.")


def _ask(
    doctor: KeyDoctor, settings: DeviceSettings, read_key: Secret | None
) -> Iterator[DoctorFinding]:
    claim = settings.claim
    if claim.key is None:
        return
    try:
        reply = doctor.ask(settings, None)
    except StartlineError as error:
        yield bad("cloud", error)
        if isinstance(error, TlsFailed):
            # A clock that is wrong makes good certificates look bad.
            yield from _clock(unverified_time(claim.base_url))
        return
    yield good("cloud", f"{claim.base_url} answers, and the CA vouches for it.")
    try:
        if check_server(claim.base_url, settings.tls.ca):
            yield good("TLS", "MicroPython accepts the cloud's certificates, as a device will.")
    except StartlineError as error:
        yield bad("TLS", error)
    yield from _clock(reply.time)
    yield _judged("claim key", partial(doctor.claim_key, settings, reply))
    if read_key is None:
        yield note(
            "READ key",
            "There is no READ key: a bound device will not be checked with the cloud.",
            "Set STARTLINE_READ_KEY.",
        )
        return
    try:
        reply = doctor.ask(settings, read_key)
    except StartlineError as error:
        yield bad("READ key", error)
        return
    yield _judged("READ key", partial(doctor.read_key, reply))


def _clock(
    there: datetime | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[DoctorFinding]:
    if there is None:
        yield note("clock", "The cloud does not tell the time: this computer's was not compared.")
        return
    skew = now() - there
    if abs(skew) <= _SKEW:
        yield good("clock", "This computer's clock and the cloud's agree.")
        return
    side = "ahead of" if skew > timedelta(0) else "behind"
    error = ClockWrong(
        f"This computer's clock is {_spoken(abs(skew))} {side} the cloud's; devices are told "
        "the time of their making by it.",
        CLOCK_REMEDY,
    )
    yield bad("clock", error)


def _spoken(span: timedelta) -> str:
    if span.days:
        return f"{span.days} days"
    return f"{span.seconds // 60} minutes"


def _judged(what: str, judge: Callable[[], KeyOpinion]) -> DoctorFinding:
    """Return the cloud's own judgement of a key as a finding."""
    try:
        said = judge()
    except StartlineError as error:
        return bad(what, error)
    return note(what, said.text, said.remedy) if said.remedy else good(what, said.text)

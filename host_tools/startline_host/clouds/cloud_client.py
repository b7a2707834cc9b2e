"""How this computer reaches a cloud: as a device would, with the provisioned CA."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from startline_host.device.tls_text import tls_hint, tls_reason
from startline_host.errors import BadInput, NetworkFailed, StartlineError, TlsFailed
from startline_host.tls_alerts import openssl_words
from startline_host.util import causes, printable

_log = logging.getLogger(__name__)
_TIMEOUT = httpx.Timeout(15.0)
_HINT = "Check this computer's network, then run the command again; `up` wants --allow-bound then."
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: The statuses of an answer to a key that may not do what was asked.
NOT_ALLOWED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})

#: What an ESP32's mbedTLS offers as ESP-IDF configures it: TLS 1.2, AES, no ChaCha20.
_DEVICE_CIPHERS = "ECDHE+AESGCM:ECDHE+AESCCM:ECDHE+AES:kRSA+AESGCM:kRSA+AESCCM:kRSA+AES"
#: OpenSSL's verification codes, in the agent's words.
_VERIFY_REASONS = {
    9: "not_yet_valid", 10: "expired", 18: "unknown_ca", 19: "unknown_ca", 20: "unknown_ca",
    21: "unknown_ca", 26: "wrong_usage", 62: "wrong_host", 64: "wrong_host", 66: "weak",
    67: "weak", 68: "weak",
}  # fmt: skip


def tls_context(ca: Sequence[bytes], *, as_device: bool = False) -> ssl.SSLContext:
    """Return a context that trusts the CAs (DER) and no others, or this computer's without any.

    As on a device, a certificate in the middle of a chain is trusted like a root. `as_device`
    speaks TLS 1.2 alone, with the ciphers that a device has.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not ca:
        context.load_default_certs()
    for der in ca:
        context.load_verify_locations(cadata=der)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if as_device:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_DEVICE_CIPHERS)
    return context


@contextmanager
def cloud_client(
    base_url: str,
    ca: Sequence[bytes],
    headers: Mapping[str, str] | None = None,
    *,
    as_device: bool = False,
) -> Iterator[httpx.Client]:
    """Open a client that follows no redirect, with the TLS of `tls_context`.

    `headers` go with every request, a key among them. A request that gets no answer raises
    NetworkFailed or TlsFailed, which says why.
    """
    context = tls_context(ca, as_device=as_device)
    # The environment's proxy is for the world outside, not for a bench's own mock.
    outside = urlsplit(base_url).hostname not in _LOOPBACK
    client = httpx.Client(
        base_url=base_url,
        verify=context,
        # As a device asks, which unpacks nothing.
        headers={"Accept-Encoding": "identity", **(headers or {})},
        timeout=_TIMEOUT,
        follow_redirects=False,
        trust_env=outside,
        event_hooks={"response": [_note]},
    )
    try:
        with client:
            yield client
    except httpx.TransportError as error:
        raise _unreachable(error) from None


def _note(response: httpx.Response) -> None:
    request = response.request
    _log.debug(
        "%s %s: %d", request.method, request.url.copy_with(query=None), response.status_code
    )


def date_of(response: httpx.Response) -> datetime | None:
    """Return what time the server said it is, None where it did not say."""
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return None


def unverified_time(base_url: str) -> datetime | None:
    """Return what time the server at a URL says it is, whoever it may be: it gets no key."""
    try:
        with httpx.Client(verify=False, timeout=15.0) as client:  # noqa: S501 - only the time
            return date_of(client.head(base_url))
    except (httpx.HTTPError, OSError):
        return None


def may_not_look(said: object) -> BadInput:
    """Return the error for a READ key that may not look; `said` is the status, or the API's words."""
    told = f" ({said})" if said else ""
    return BadInput(
        f"The cloud does not let the READ key look{told}.",
        "Give a key of access type READ or READ_WRITE in STARTLINE_READ_KEY.",
    )


def _unreachable(error: httpx.TransportError) -> StartlineError:
    """Return the error that a failed request stands for, with the host and what was wrong there."""
    where = _host(error)
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            said = printable(cause.verify_message)
            reason = _VERIFY_REASONS.get(cause.verify_code, "")
            words = f"{tls_reason(reason, 'this computer')} ({said})" if reason else said
            return TlsFailed(
                f"This computer does not accept the certificate of {where}: {words}.",
                tls_hint(reason) if reason else "",
            )
        if isinstance(cause, ssl.SSLError):
            return TlsFailed(
                f"TLS with {where} fails: {printable(openssl_words(cause.reason or str(cause)))}.",
                "Does the server speak TLS 1.2 there, with AES?",
            )
        if isinstance(cause, OSError):
            return NetworkFailed(f"The cloud could not be asked: {os_words(cause, where)}.", _HINT)
    slow = isinstance(error, httpx.TimeoutException)
    words = "does not answer in time" if slow else f"ends the connection ({type(error).__name__})"
    return NetworkFailed(f"The cloud could not be asked: {where} {words}.", _HINT)


def _host(error: httpx.TransportError) -> str:
    try:
        url = error.request.url
    except RuntimeError:  # httpx did not come as far as to a request
        return "the cloud"
    return f"{printable(url.host)}:{url.port or (443 if url.scheme == 'https' else 80)}"


def os_words(error: OSError, where: str) -> str:
    """Say why a host cannot be reached, as a clause that names it."""
    if isinstance(error, socket.gaierror):
        return f"the name of {where} is not found"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens at {where}"
    return f"{where} is not reached ({printable(error.strerror or str(error))})"

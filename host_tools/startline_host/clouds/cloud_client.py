"""How this computer reaches the cloud: as a device would, with the provisioned CA and a key."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from startline_host.errors import NetworkFailed, StartlineError, TlsFailed
from startline_host.secrets import Secret
from startline_host.util import printable

_TIMEOUT = httpx.Timeout(15.0)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def cloud_client(base_url: str, ca: Sequence[bytes], key: Secret) -> httpx.Client:
    """Return a client that follows no redirect, and trusts the CAs (DER) and no others.

    Without any CA, those that this computer trusts are taken.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        context.load_verify_locations(cadata=b"".join(ca))
    else:
        context.load_default_certs()
    # The environment's proxy is for the world outside, not for a bench's own mock.
    outside = urlsplit(base_url).hostname not in _LOOPBACK
    return httpx.Client(
        base_url=base_url,
        verify=context,
        headers={"api_key": key.reveal()} if key else {},
        timeout=_TIMEOUT,
        follow_redirects=False,
        trust_env=outside,
    )


def unreachable(error: httpx.TransportError) -> StartlineError:
    """Return the error that a failed request stands for."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TlsFailed(
                f"This computer does not accept the cloud's certificate "
                f"({printable(cause.verify_message)})."
            )
        cause = cause.__cause__ or cause.__context__
    return NetworkFailed(
        f"The cloud could not be asked ({type(error).__name__}).",
        "Check this computer's network, then run the command again; `up` wants --allow-bound then.",
    )

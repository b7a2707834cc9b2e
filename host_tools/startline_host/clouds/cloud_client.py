"""How this computer reaches the cloud: as a device would, with the provisioned CA and a key."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx
from startline.clouds.rufus import KEY_HEADERS

from startline_host.errors import BadInput, NetworkFailed, StartlineError, TlsFailed
from startline_host.secrets import Secret
from startline_host.util import printable

_TIMEOUT = httpx.Timeout(15.0)
_CHOICE, _BOTH = "STARTLINE_KEY_HEADER", "both"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def cloud_client(base_url: str, ca: Sequence[bytes], key: Secret) -> httpx.Client:
    """Return a client that follows no redirect, and trusts the CAs (DER) and no others.

    Without any CA, those that this computer trusts are taken. Raises BadInput for a
    STARTLINE_KEY_HEADER that is none.
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
        headers=_key_headers(key) if key else {},
        timeout=_TIMEOUT,
        follow_redirects=False,
        trust_env=outside,
    )


def _key_headers(key: Secret) -> dict[str, str]:
    """Return the headers that carry a key: as a device does, both, unless one is chosen."""
    chosen = os.environ.get(_CHOICE, "") or _BOTH
    if chosen not in {_BOTH, *KEY_HEADERS}:
        raise BadInput(
            f"The {_CHOICE} {printable(chosen)!r} is no header that carries a key.",
            f"It is {_BOTH}, {' or '.join(KEY_HEADERS)}, as claim.key_header is for a device.",
        )
    return {name: key.reveal() for name in KEY_HEADERS if chosen in {_BOTH, name}}


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

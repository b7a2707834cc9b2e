"""A cloud's TLS as a device will judge it: by the real MicroPython where it is installed, else by rules.

OpenSSL takes what the device's mbedTLS does not: a chain out of order, and some certificates. The
MicroPython of the Unix port has the same library, and speaks here as the agent does.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import startline

from startline_host.device.tls_text import tls_hint, tls_reason
from startline_host.errors import BadInput, TlsFailed
from startline_host.formats.ca_certificates import parse_certificate
from startline_host.formats.cloud_url import parse_url
from startline_host.secrets import child_environment
from startline_host.virtual.vm_binary import micropython_command

_SECONDS = 20.0
#: What the VM runs: certificates and address come on its standard input, its verdict goes out.
_PROGRAM = """
import json, sys, socket, tls
from binascii import unhexlify
order = json.loads(sys.stdin.readline())
sys.path.append(order["agent"])
from startline.net.reasons import error_reason
from startline.net.http_guard import DeadlineStream
said = {}
try:
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    for root in order["ca"]:
        context.load_verify_locations(unhexlify(root))
except (ValueError, OSError) as error:
    said = {"ca": str(error)}
if not said and order["host"]:
    try:
        there = socket.socket()
        there.connect(socket.getaddrinfo(order["host"], order["port"])[0][-1])
    except OSError as error:
        said = {"network": str(error)}
    else:
        stream = DeadlineStream(there, lambda: order["limit_ms"])
        try:
            context.wrap_socket(stream, server_hostname=order["host"]).close()
        except (ValueError, OSError) as error:
            said = {"tls": error_reason("tls", error, stream)}
print(json.dumps(said))
"""


def check_authorities(ca: Sequence[bytes]) -> None:
    """Raise BadInput for a CA certificate (DER) that the real MicroPython here cannot read."""
    said = _ask(ca, "", 0)
    if said and "ca" in said:
        raise BadInput(
            f"A device cannot read a certificate of tls.ca: {said['ca']}.",
            "Trust another CA of the same chain, such as the one between it and the server.",
        )


def check_server(base_url: str, ca: Sequence[bytes]) -> bool:
    """Raise TlsFailed for a server that a device will not accept; tell whether a VM was asked.

    A server that cannot be reached, and one without TLS, are not judged.
    """
    url = parse_url(base_url)
    if url.scheme == "http":
        return False
    host, port = url.address
    said = _ask(ca, host, port)
    if said is None:
        _check_order(host, port, ca)
        return False
    if "tls" in said:
        reason = str(said["tls"])
        raise TlsFailed(
            f"A device does not get through TLS with {host}:{port}: {tls_reason(reason)}.",
            tls_hint(reason),
        )
    return "network" not in said and "ca" not in said


def _ask(ca: Sequence[bytes], host: str, port: int) -> dict[str, Any] | None:
    """Return what the VM says, by what it fails at; None where there is none."""
    order = json.dumps(
        {
            "agent": str(Path(startline.__file__).absolute().parents[1]),
            "ca": [der.hex() for der in ca],
            "host": host,
            "port": port,
            "limit_ms": round(_SECONDS * 1000),
        }
    )
    try:
        done = subprocess.run(
            [*micropython_command(), "-X", "heapsize=2m", "-c", _PROGRAM],
            input=order + "\n", capture_output=True, text=True, timeout=_SECONDS, check=False,
            env=child_environment(),
        )  # fmt: skip
        said = json.loads(done.stdout.splitlines()[-1])
    except (BadInput, OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return None
    return dict(said) if isinstance(said, dict) else None


def _check_order(host: str, port: int, ca: Sequence[bytes]) -> None:
    """Raise TlsFailed for a chain in which an issuer stands before what it signed."""
    # It brings httpx, which every verb would load that never gets here.
    from startline_host.clouds.cloud_client import tls_context

    context = tls_context((), as_device=True)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            chain = _served_chain(wrapped)
    except OSError:
        return
    if not is_in_order(chain, ca):
        raise TlsFailed(
            f"The certificates of {host}:{port} do not lead to tls.ca in their order, and a device "
            "does not look for another.",
            "Have the server send its own certificate first, then each one's issuer.",
        )


def _served_chain(wrapped: ssl.SSLSocket) -> list[bytes]:
    """Return a server's certificates in the order in which it sent them."""
    if hasattr(wrapped, "get_unverified_chain"):  # from Python 3.13
        return list(wrapped.get_unverified_chain())
    found = wrapped._sslobj.get_unverified_chain() or []  # type: ignore[attr-defined] # noqa: SLF001
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in found]


def is_in_order(chain: Sequence[bytes], ca: Sequence[bytes]) -> bool:
    """Tell whether mbedTLS finds its way from the first certificate to one of `ca` (DER).

    It takes a trusted issuer where there is one, else looks among what comes after a certificate,
    and never before it (x509_crt_find_parent).
    """
    sent = [parse_certificate(der) for der in chain]
    trusted = [parse_certificate(der) for der in ca]
    subjects = {one.subject for one in trusted}
    at = 0
    while at < len(sent):
        if sent[at] in trusted or sent[at].issuer in subjects:
            return True
        later = (n for n in range(at + 1, len(sent)) if sent[n].subject == sent[at].issuer)
        at = next(later, len(sent))
    return not ca

"""CA certificates from files, as the device takes them: DER, one by one."""

from __future__ import annotations

import contextlib
import logging
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from startline_host.errors import BadInput
from startline_host.file_access import MOST_TEXT, read_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography import x509

    from startline_host.secrets import Warn

_LOG = logging.getLogger(__name__)


def load_certificates(path: Path, *, warn: Warn = _LOG.warning) -> tuple[bytes, ...]:
    """Return the certificates of a PEM or DER file as DER.

    Warns about one that has expired or is no CA. Raises BadInput for a file that is missing,
    holds no certificate, or holds a private key.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        data = read_file(path, MOST_TEXT)
    except OSError as error:
        raise BadInput(f"The CA certificate {path} cannot be read: {error.strerror}.") from None
    if b"PRIVATE KEY-----" in data:
        raise BadInput(
            f"{path} contains a private key, which must never be on a device.",
            "Name a file with the CA's certificate alone.",
        )
    try:
        with _without_warnings():
            if b"-----BEGIN CERTIFICATE-----" in data:
                found = x509.load_pem_x509_certificates(data)
            else:
                found = [x509.load_der_x509_certificate(data)]
    except ValueError:
        raise BadInput(f"{path} contains no certificate, neither PEM nor DER.") from None
    ders = tuple(certificate.public_bytes(Encoding.DER) for certificate in found)
    for certificate, der in zip(found, ders, strict=True):
        _look_at(certificate, path, warn)
        try:
            check_readable(der)
        except BadInput as error:
            raise BadInput(f"{path}: {error.message}", error.hint) from None
    return ders


def parse_certificate(der: bytes) -> x509.Certificate:
    """Return a certificate (DER) to be looked at. Raises ValueError for what is none."""
    from cryptography import x509

    with _without_warnings():
        return x509.load_der_x509_certificate(der)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Be quiet about old roots: they break rules of today, and are in use all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_readable(der: bytes) -> None:
    """Raise BadInput for a certificate that the device's mbedTLS refuses, and OpenSSL takes.

    Those are signatures and keys of Edwards curves, keys that are too short or on small curves, and
    critical extensions that it does not know, name constraints among them.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    certificate = parse_certificate(der)
    with _without_warnings():
        key = certificate.public_key()
    name = certificate.subject.rfc4514_string()
    if certificate.signature_algorithm_oid.dotted_string in _EDWARDS or not isinstance(
        key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    ):
        raise _unreadable(name, "uses Ed25519 or a similar algorithm")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SHORTEST_RSA:
        raise _unreadable(name, f"has an RSA key of {key.key_size} bits")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < _SHORTEST_EC:
        raise _unreadable(name, f"has a key on the curve {key.curve.name}")
    for extension in certificate.extensions:
        if extension.critical and extension.oid.dotted_string not in _KNOWN_CRITICAL:
            words = extension.oid._name or extension.oid.dotted_string  # noqa: SLF001 - no other way
            raise _unreadable(name, f"has a critical extension, {words}")


#: mbedTLS's default profile: what is shorter is not trusted.
_SHORTEST_RSA, _SHORTEST_EC = 2048, 256
_EDWARDS = frozenset({"1.3.101.112", "1.3.101.113"})
#: subjectAltName, keyUsage, basicConstraints, extKeyUsage: what mbedTLS reads (x509_crt.c).
_KNOWN_CRITICAL = frozenset({"2.5.29.17", "2.5.29.15", "2.5.29.19", "2.5.29.37"})


def _unreadable(name: str, words: str) -> BadInput:
    return BadInput(
        f"The CA {name} {words}: a device cannot read it.",
        "Trust another CA of the same chain, such as the one between it and the server.",
    )


def _look_at(certificate: x509.Certificate, path: Path, warn: Warn) -> None:
    from cryptography import x509

    if certificate.not_valid_after_utc < datetime.now(UTC):
        day = certificate.not_valid_after_utc.date()
        warn(f"The certificate in {path} expired on {day}: no device will accept the cloud.")
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return
    if not basic.value.ca:
        warn(f"The certificate in {path} is not a CA certificate; it vouches only for itself.")

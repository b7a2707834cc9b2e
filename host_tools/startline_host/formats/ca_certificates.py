"""CA certificates from files, as the device takes them: DER, one by one."""

from __future__ import annotations

import logging
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from startline_host.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

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
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"The CA certificate {path} cannot be read: {error.strerror}.") from None
    if b"PRIVATE KEY-----" in data:
        raise BadInput(
            f"{path} holds a private key, which has no business on a device.",
            "Name a file with the CA's certificate alone.",
        )
    try:
        with warnings.catch_warnings():
            # Old roots break rules that the library now warns of; they are in use all the same.
            warnings.simplefilter("ignore")
            if b"-----BEGIN CERTIFICATE-----" in data:
                found = x509.load_pem_x509_certificates(data)
            else:
                found = [x509.load_der_x509_certificate(data)]
    except ValueError:
        raise BadInput(f"{path} holds no certificate, neither as PEM nor as DER.") from None
    for certificate in found:
        _look_at(certificate, path, warn)
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def _look_at(certificate: object, path: Path, warn: Warn) -> None:
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)  # noqa: S101 - narrows a lazily loaded type
    if certificate.not_valid_after_utc < datetime.now(UTC):
        day = certificate.not_valid_after_utc.date()
        warn(f"The certificate in {path} expired on {day}: no device will accept the cloud.")
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return
    if not basic.value.ca:
        warn(f"The certificate in {path} is not one of a CA; it vouches for itself alone.")

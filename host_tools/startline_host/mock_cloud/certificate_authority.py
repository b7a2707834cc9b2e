"""A throw-away certificate authority, and server certificates that are good or wrong in one way."""

from __future__ import annotations

import ipaddress
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from startline_host.errors import BadInput

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

_DAY = timedelta(days=1)

#: The host that an `other_host` certificate is made out to.
OTHER_HOST = "somebody-else.invalid"


@dataclass(frozen=True)
class _CertificateCase:
    """What is peculiar about a server certificate: its dates, counted from now, and its names."""

    starts: timedelta = -_DAY
    ends: timedelta = 90 * _DAY
    other_host: bool = False
    other_ca: bool = False


#: Every kind of server certificate that can be issued, by name.
CASES: dict[str, _CertificateCase] = {
    "good": _CertificateCase(),
    "expired": _CertificateCase(starts=-30 * _DAY, ends=-_DAY),
    "not_yet_valid": _CertificateCase(starts=30 * _DAY, ends=60 * _DAY),
    "other_host": _CertificateCase(other_host=True),
    "other_ca": _CertificateCase(other_ca=True),
    "expired_other_ca": _CertificateCase(starts=-30 * _DAY, ends=-_DAY, other_ca=True),
}


@dataclass(frozen=True)
class ServerCertificate:
    """A server's certificate and private key, both as PEM, and the certificate as DER."""

    pem: bytes
    der: bytes
    key_pem: bytes

    def load_into(self, context: ssl.SSLContext) -> None:
        """Make `context` present this certificate on every connection accepted from now on."""
        descriptor, name = tempfile.mkstemp(suffix=".pem")  # created with mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.key_pem + self.pem)
            context.load_cert_chain(name)
        finally:
            Path(name).unlink()


class CertificateAuthority:
    """A certificate authority of our own; `pem` keeps one alive over restarts.

    `pem` is what an earlier authority's `to_pem()` gave: certificate and private key together.
    """

    def __init__(self, pem: bytes | None = None) -> None:
        self._ca = trustme.CA() if pem is None else trustme.CA.from_pem(*_split(pem))
        key = serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - trustme's default
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes())

    @property
    def ca_pem(self) -> bytes:
        """The authority's own certificate as PEM."""
        return self._ca.cert_pem.bytes()

    @property
    def ca_der(self) -> bytes:
        """The authority's own certificate as DER, which is what small TLS stacks read best."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    def to_pem(self) -> bytes:
        """Give certificate and private key: a secret, for a file of mode 0600 only."""
        return self.ca_pem + self._ca.private_key_pem.bytes()

    def issue(
        self, names: Sequence[str], not_before: datetime, not_after: datetime
    ) -> ServerCertificate:
        """Sign a server certificate for `names` (host names or IP addresses), valid in between."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer_id = self._certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        ).value
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .serial_number(x509.random_serial_number())
            .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id),
                critical=False,
            )
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return ServerCertificate(
            pem=certificate.public_bytes(serialization.Encoding.PEM),
            der=certificate.public_bytes(serialization.Encoding.DER),
            key_pem=key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


def server_certificate(
    authority: CertificateAuthority, case: str = "good", names: Sequence[str] = ("localhost",)
) -> ServerCertificate:
    """Issue the certificate that `CASES` describes; raise `BadInput` for a case it does not."""
    try:
        rules = CASES[case]
    except KeyError:
        raise BadInput(
            f"There is no certificate case {case!r}.", f"Known are: {', '.join(CASES)}."
        ) from None
    now = datetime.now(UTC)
    issuer = CertificateAuthority() if rules.other_ca else authority
    made_out_to = (OTHER_HOST,) if rules.other_host else tuple(names)
    return issuer.issue(made_out_to, now + rules.starts, now + rules.ends)


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    """List IPv4 addresses twice: mbedTLS compares them as host names only."""
    alternatives: list[x509.GeneralName] = []
    for name in names:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            alternatives.append(x509.DNSName(name.encode("idna").decode("ascii")))
        else:
            alternatives.append(x509.IPAddress(address))
            if address.version == 4:
                alternatives.append(x509.DNSName(name))
    return alternatives


def _split(pem: bytes) -> tuple[bytes, bytes]:
    """Part a PEM bundle into its certificate and its private key."""
    end = b"-----END CERTIFICATE-----"
    certificate, separator, key = pem.partition(end)
    return certificate + separator + b"\n", key.lstrip()

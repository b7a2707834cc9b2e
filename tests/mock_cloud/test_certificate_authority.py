"""The throw-away CA, and server certificates that are wrong in one way."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from startline_host.errors import BadInput
from startline_host.mock_cloud import (
    CASES,
    CertificateAuthority,
    MockCloud,
    MockOptions,
    server_certificate,
)

from .conftest import Start

WORDS = {
    "expired": "certificate has expired",
    "not_yet_valid": "certificate is not yet valid",
    "other_host": "Hostname mismatch",
    "other_ca": "unable to get local issuer",
    "expired_other_ca": "unable to get local issuer",
}


def trust(cloud: MockCloud) -> ssl.SSLContext:
    """Trust the cloud's CA, given as DER, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=cloud.ca_der)
    return context


def get(cloud: MockCloud) -> int:
    """Make one verified request on a connection of its own; return its status."""
    return httpx.get(cloud.base_url + "/devices", verify=trust(cloud), trust_env=False).status_code


@pytest.mark.parametrize("case", WORDS)
def test_a_wrong_certificate_is_wrong_in_that_way(start: Start, case: str) -> None:
    """A client that verifies refuses each case for its own reason, and sends no request."""
    cloud = start(certificate=case)
    with pytest.raises(httpx.ConnectError, match=WORDS[case]):
        get(cloud)
    assert len(cloud.requests) == 0


def test_the_certificate_can_change_while_the_cloud_runs(cloud: MockCloud) -> None:
    """New connections get the new certificate, and the good one again after it."""
    assert get(cloud) == 403
    cloud.use_certificate("expired")
    with pytest.raises(httpx.ConnectError, match=WORDS["expired"]):
        get(cloud)
    cloud.use_certificate("good")
    assert get(cloud) == 403


def test_addresses_and_further_names_are_in_the_certificate(start: Start) -> None:
    """Loopback addresses and the names given are vouched for, other names are not."""
    cloud = start(names=["bench.example"])
    context = trust(cloud)
    for name in ("localhost", "127.0.0.1", "bench.example"):
        with (
            socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=name) as wrapped,
        ):
            assert wrapped.getpeercert()
    with (
        socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(raw, server_hostname="other.example")


def test_der_and_pem_are_one_certificate() -> None:
    """CA and server certificate are handed out in both forms."""
    authority = CertificateAuthority()
    issued = server_certificate(authority)
    assert ssl.PEM_cert_to_DER_cert(authority.ca_pem.decode()) == authority.ca_der
    assert ssl.PEM_cert_to_DER_cert(issued.pem.decode()) == issued.der


def test_an_authority_can_be_kept() -> None:
    """An authority made from its own PEM is the same one."""
    first = CertificateAuthority()
    assert CertificateAuthority(first.to_pem()).ca_der == first.ca_der


@pytest.mark.parametrize("make", [lambda: server_certificate(CertificateAuthority(), "bogus"),
                                  lambda: MockCloud(MockOptions(certificate="bogus"))])  # fmt: skip
def test_an_unknown_case_is_named(make: Callable[[], object]) -> None:
    """A case that does not exist is bad input, and the hint lists those that do."""
    with pytest.raises(BadInput, match="bogus") as caught:
        make()
    assert all(case in caught.value.hint for case in CASES)


def test_no_private_key_stays_on_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, start: Start
) -> None:
    """The file through which TLS gets its key is gone again at once."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    start()
    assert list(tmp_path.iterdir()) == []


def test_what_a_client_objects_to_is_known_in_words(cloud: MockCloud) -> None:
    """A client that does not know the CA says so in an alert, and one that goes on says nothing."""
    with pytest.raises(httpx.ConnectError):
        httpx.get(cloud.root_url, verify=ssl.create_default_context(), trust_env=False)
    assert get(cloud) == 403
    assert list(cloud.tls_objections) == [
        "a client does not know the CA that issued the certificate of this cloud"
    ]

"""A cloud's certificates, ciphers and keys are judged as a device will judge them."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from startline_host.clouds.rufus import RufusClaim
from startline_host.clouds.rufus_keys import check_claim_key, look
from startline_host.device.tls_text import tls_reason
from startline_host.errors import BadInput, NetworkFailed, RefusedByCloud, TlsFailed
from startline_host.flows import device_tls
from startline_host.flows.doctor.check_cloud import check_cloud
from startline_host.flows.notices import Notice, Remark
from startline_host.flows.preflight import check_before_writing, check_offline
from startline_host.formats.ca_certificates import load_certificates
from startline_host.formats.factory_partition import DeviceSettings, TlsSettings
from startline_host.secrets import Secret
from startline_host.tls_alerts import alert_words, openssl_words

KEY = Secret("ror-ae4fc6c19681a20fad30")
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


class Authority:
    """A certificate with its key, which issues others."""

    def __init__(
        self,
        name: str,
        issuer: Authority | None = None,
        *,
        key: Any = None,
        ca: bool = True,
        extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    ) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = issuer or self
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        edwards = isinstance(signer.key, ed25519.Ed25519PrivateKey)
        self.certificate = builder.sign(signer.key, None if edwards else hashes.SHA256())

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key as PEM."""
        return bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


ROOT = Authority("root")
MIDDLE = Authority("middle", ROOT)
LOW = Authority("low", MIDDLE)
LOCALHOST = ((x509.SubjectAlternativeName([x509.DNSName("localhost")]), False),)
LEAF = Authority("localhost", LOW, ca=False, extensions=LOCALHOST)
LIMITED = Authority(
    "limited",
    extensions=((x509.NameConstraints([x509.DNSName("localhost")], None), True),),
)
SHORT = Authority("short", key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - the fault

Answer = Callable[[http.server.BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]


def api(request: http.server.BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
    """Answer as the API does to a WRITE key."""
    body = {"description": "Forbidden: wrong api key access type"}
    return 403, {"content-type": "application/json"}, json.dumps(body).encode()


@contextlib.contextmanager
def served(
    folder: Path,
    *chain: Authority,
    answer: Answer = api,
    setup: Callable[[ssl.SSLContext], object] = lambda _context: None,
) -> Iterator[str]:
    """Serve HTTPS with the certificates in this order; yield the base URL."""

    class SilentHandler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PATCH = do_HEAD = _answer  # noqa: N815 - as the library calls them

        def log_message(self, *_words: object) -> None:
            pass

    class BadTlsServer(http.server.ThreadingHTTPServer):
        def handle_error(self, *_where: object) -> None:
            """Let clients that go away be."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = folder / "chain.pem"
    file.write_bytes(LEAF.key_pem + b"".join(one.pem for one in chain))
    context.load_cert_chain(file)
    setup(context)
    server = BadTlsServer(("127.0.0.1", 0), SilentHandler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}/v0"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(params=["vm", "rules"])
def judged_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Judge by the real MicroPython, and by rules as where it is not installed."""
    if request.param == "rules":
        monkeypatch.setattr(device_tls, "_ask", lambda *_order: None)
    return str(request.param)


@pytest.mark.parametrize("trusted", [ROOT, MIDDLE, LOW])
def test_a_chain_in_order_is_accepted(tmp_path: Path, judged_by: str, trusted: Authority) -> None:
    """Also where a CA in the middle is the one that is trusted: a device takes it so."""
    with served(tmp_path, LEAF, LOW, MIDDLE) as url:
        assert device_tls.check_server(url, [trusted.der]) is (judged_by == "vm")
        assert look(url, [trusted.der], KEY).status == 403


@pytest.mark.parametrize("chain", [(LEAF, MIDDLE, LOW), (LEAF, LOW), (LEAF,)])
def test_a_chain_that_a_device_cannot_follow_is_found(
    tmp_path: Path, judged_by: str, chain: tuple[Authority, ...]
) -> None:
    """Out of order, or with one missing: OpenSSL would put the first right, mbedTLS does not."""
    with (
        served(tmp_path, *chain) as url,
        pytest.raises(TlsFailed, match=r"not get through TLS|in their order"),
    ):
        device_tls.check_server(url, [ROOT.der])


def _from_tls_1_3(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3


def _other_name(context: ssl.SSLContext) -> None:
    context.sni_callback = lambda *_: ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def _denied(context: ssl.SSLContext) -> None:
    context.sni_callback = lambda *_: ssl.AlertDescription.ALERT_DESCRIPTION_ACCESS_DENIED


def _chacha_only(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        (_from_tls_1_3, "the server speaks no version of TLS that"),
        (_chacha_only, "the server found no cipher in common with"),
        (_other_name, "the server does not serve the host name that"),
        (_denied, "the server does not let"),
    ],
    ids=["TLS 1.3 alone", "ChaCha20 alone", "another name", "denied"],
)
def test_a_server_that_objects_to_a_device_is_found(
    tmp_path: Path, setup: Callable[[ssl.SSLContext], object], words: str
) -> None:
    """What a server objects to is said in words, by OpenSSL's look and by MicroPython's."""
    with served(tmp_path, LEAF, LOW, MIDDLE, setup=setup) as url:
        with pytest.raises(
            TlsFailed, match=rf"TLS with localhost:\d+ fails: {words} this computer"
        ):
            look(url, [ROOT.der], KEY)
        with pytest.raises(
            TlsFailed, match=rf"through TLS with localhost:\d+: {words} the device"
        ):
            device_tls.check_server(url, [ROOT.der])


def test_who_tried_is_named() -> None:
    """What this computer met is not said of a device, and the other way round."""
    assert tls_reason("unknown_ca", "this computer").endswith(
        "a CA that this computer does not know"
    )
    assert tls_reason("unknown_ca").endswith("a CA that the device does not know")
    assert "this computer" in tls_reason("alert 48", "this computer")


def test_every_alert_has_words() -> None:
    """No number shows as a constant's name, and one that nobody knows is named by its number."""
    for number in range(256):
        words = alert_words(number)
        assert "_" not in words
        assert words.startswith("the server ")
    assert "'unexpected message'" in alert_words(10)
    assert "'200'" in alert_words(200)
    assert openssl_words("TLSV13_ALERT_CERTIFICATE_REQUIRED").startswith("the server wants a cert")
    assert openssl_words("TLSV1_ALERT_UNKNOWN_CA") == (
        "the server does not know the CA that issued the certificate of this computer"
    )
    assert openssl_words("WRONG_VERSION_NUMBER") == "what answers there does not speak TLS"
    assert openssl_words("LENGTH_MISMATCH") == "length mismatch"


@pytest.mark.parametrize(
    ("authority", "words"),
    [
        (Authority("edwards", key=ed25519.Ed25519PrivateKey.generate()), "Ed25519"),
        (LIMITED, "critical extension, nameConstraints"),
        (SHORT, "RSA key of 1024 bits"),
        (Authority("small", key=ec.generate_private_key(ec.SECP224R1())), "secp224r1"),
    ],
    ids=["Ed25519", "name constraints", "RSA 1024", "P-224"],
)
def test_a_ca_that_a_device_cannot_read_is_refused_offline(
    tmp_path: Path, authority: Authority, words: str
) -> None:
    """Reading the settings is enough to find it: `build` and `up` make no network call for it."""
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    with pytest.raises(BadInput, match=r"ca\.pem: The CA .*a device cannot read it") as caught:
        load_certificates(path, warn=pytest.fail)
    assert words in caught.value.message
    settings = settings_for("https://localhost:1/v0", authority)
    with pytest.raises(BadInput, match="a device cannot read it"):
        check_offline(settings)


def test_the_rules_for_cas_are_those_of_the_real_vm() -> None:
    """What the rules pass, MicroPython reads; what has name constraints, it does not."""
    device_tls.check_authorities([ROOT.der, LOW.der])
    with pytest.raises(BadInput, match="cannot read a certificate"):
        device_tls.check_authorities([ROOT.der, LIMITED.der])


def settings_for(url: str, ca: Authority = ROOT, **claim: Any) -> DeviceSettings:
    """Make settings for a server of these tests."""
    whole = {"cloud": "rufus", "base_url": url, "key": KEY, **claim}
    return DeviceSettings(claim=RufusClaim(**whole), tls=TlsSettings(ca=(ca.der,)))


def test_a_closed_port_and_a_missing_name_are_told_apart() -> None:
    """The host and the reason are named, not an exception's class."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NetworkFailed, match=f"nothing listens at localhost:{port}"):
        look(f"https://localhost:{port}/v0", [ROOT.der], KEY)
    with pytest.raises(NetworkFailed, match=r"the name of nowhere\.invalid:443 is not found"):
        look("https://nowhere.invalid/v0", [ROOT.der], KEY)


def firewall(request: http.server.BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
    """Answer as a firewall before the API does."""
    page = b"<html><body>Access denied. Ray ID 12ab</body></html>"
    return 403, {"content-type": "text/html"}, page


def without_underscores(
    request: http.server.BaseHTTPRequestHandler,
) -> tuple[int, dict[str, str], bytes]:
    """Answer as the API behind a proxy that drops headers with an underscore."""
    if request.headers.get("x-api-key") == KEY.reveal():
        return api(request)
    return 403, {}, b'{"description": "Forbidden: one api key is needed"}'


def reader_key(request: http.server.BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
    """Answer as the API does to a READ key."""
    return (200, {}, b'{"result": []}') if request.command == "GET" else api(request)


@pytest.mark.parametrize(
    ("answer", "claim", "error", "words"),
    [
        (firewall, {}, NetworkFailed, "not the cloud's API but something before it"),
        (without_underscores, {"key_header": "api_key"}, BadInput, "a proxy drops names"),
        (reader_key, {}, RefusedByCloud, "is a READ key"),
    ],
)
def test_who_refuses_a_key_and_why(
    tmp_path: Path, answer: Answer, claim: dict[str, Any], error: type[Exception], words: str
) -> None:
    """A firewall's 403, a header that is lost and a key of the wrong kind are three things."""
    with (
        served(tmp_path, LEAF, LOW, MIDDLE, answer=answer) as url,
        pytest.raises(error, match=words),
    ):
        check_claim_key(settings_for(url, **claim))


@pytest.mark.parametrize("claim", [{}, {"key_header": "x-api-key"}])
def test_a_lost_header_does_no_harm_where_the_other_arrives(
    tmp_path: Path, claim: dict[str, Any]
) -> None:
    """A device sends both by default."""
    with served(tmp_path, LEAF, LOW, MIDDLE, answer=without_underscores) as url:
        assert check_claim_key(settings_for(url, **claim)) == "WRITE"


def test_what_is_not_reached_from_here_is_only_noted() -> None:
    """A reader may stand in another network: nothing is refused for that."""
    said: list[Notice] = []
    check_before_writing(settings_for("https://nowhere.invalid/v0"), said.append)
    (remark,) = [one for one in said if isinstance(one, Remark)]
    assert remark.warning
    assert "nowhere.invalid" in remark.text


def test_the_doctor_says_so_of_a_whole_settings_file(tmp_path: Path) -> None:
    """A chain out of order is the finding, with what to do at the server."""
    (tmp_path / "ca.pem").write_bytes(ROOT.pem)
    (tmp_path / "key").write_text(KEY.reveal())
    (tmp_path / "key").chmod(0o600)
    file = tmp_path / "settings.toml"
    with served(tmp_path, LEAF, MIDDLE, LOW) as url:
        claim = f'[claim]\ncloud = "rufus"\nbase_url = "{url}"\nkey_file = "key"\n'
        file.write_text(claim + '[tls]\nca = "ca.pem"\n', encoding="utf-8")
        found = {one.what: one for one in check_cloud(file, None, named=True)}
    assert found["TLS"].verdict == "bad"
    assert found["TLS"].exit_code == 21
    assert "in order" in found["TLS"].remedy
    assert found["claim key"].verdict == "good"

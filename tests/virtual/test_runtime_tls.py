"""The VM's own TLS over the chip's socket: what the agent's verified requests stand on."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.virtual.vm_harness import Vm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = """
import network, socket, time, tls
wlan = network.WLAN(network.STA_IF)
wlan.active(True)
wlan.connect("bench", "bench-wifi")
while not wlan.isconnected():
    time.sleep_ms(20)
def ask(name, ca):
    s = socket.socket()
    s.settimeout(5)
    s.connect(("127.0.0.1", {port}))
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    context.load_verify_locations(ca)
    try:
        stream = context.wrap_socket(s, server_hostname=name)
        stream.write(b"hello")
        print(stream.read(5))
        stream.close()
    except (ValueError, OSError) as error:
        print(repr(error))
        s.close()
ask("cloud.example", bytes.fromhex("{ca}"))
ask("other.example", bytes.fromhex("{ca}"))
ask("cloud.example", bytes.fromhex("{wrong}"))
"""


def der(authority: trustme.CA) -> str:
    """Return an authority's certificate as DER, in hex."""
    certificate = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    return certificate.public_bytes(Encoding.DER).hex()


@pytest.fixture
def server() -> Iterator[tuple[int, trustme.CA]]:
    """A TLS server that sends back five bytes in capitals; its port and its authority."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("cloud.example").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listening.accept()
                    connection.settimeout(5)
                    with context.wrap_socket(connection, server_side=True) as stream:
                        stream.sendall(stream.recv(5).upper())
                except OSError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], authority
        stop.set()
        thread.join()


def test_certificates_are_verified_over_the_stand_in(
    tmp_path: Path, server: tuple[int, trustme.CA]
) -> None:
    """The right name under the right authority connects; another name or authority does not."""
    port, authority = server
    with Vm(tmp_path) as vm:
        vm.start()
        said = vm.run(SCRIPT.format(port=port, ca=der(authority), wrong=der(trustme.CA())))
    good, other_name, other_authority = said.splitlines()
    assert good == "b'HELLO'"
    assert other_name.startswith(("ValueError", "OSError"))
    assert other_authority.startswith(("ValueError", "OSError"))
    assert "not match" in other_name
    assert "not match" not in other_authority


ASYNC_SCRIPT = """
import asyncio, network, tls
wlan = network.WLAN(network.STA_IF)
wlan.active(True)
wlan.connect("bench", "bench-wifi")
async def main():
    while not wlan.isconnected():
        await asyncio.sleep_ms(10)
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    context.load_verify_locations(bytes.fromhex("{ca}"))
    ticks = 0
    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep_ms(5)
    task = asyncio.create_task(tick())
    reader, writer = await asyncio.open_connection(
        "localhost", {port}, ssl=context, server_hostname="cloud.example")
    for _ in range(20):
        writer.write(b"x" * 3000)
        await writer.drain()
        got = await reader.readexactly(3000)
        assert got == b"X" * 3000
    await asyncio.sleep_ms(50)
    task.cancel()
    print("kept", ticks > 5)
asyncio.run(main())
"""


def test_asyncio_keeps_a_verified_connection(tmp_path: Path) -> None:
    """Batches go back and forth over one connection; what TLS has buffered is not waited for."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("cloud.example").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def serve() -> None:
            connection, _ = listening.accept()
            with context.wrap_socket(connection, server_side=True) as stream:
                while data := stream.recv(4096):
                    stream.sendall(data.upper())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        with Vm(tmp_path) as vm:
            vm.start()
            assert vm.run(ASYNC_SCRIPT.format(port=port, ca=der(authority))) == "kept True\n"
        thread.join(20)

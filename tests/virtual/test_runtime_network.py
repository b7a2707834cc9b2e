"""The radio, sockets, names and time servers, as the world file has them."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.virtual.vm_harness import JOIN, Vm

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[int]:
    """A server on loopback that sends back one line in capitals, and then ends; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    connection.sendall(connection.recv(100).upper())

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        stop.set()
        thread.join()


def test_the_default_access_point_is_joined(vm: Vm) -> None:
    """Without a world file there is `bench`; before the join the station is idle and has no address."""
    said = vm.run(
        JOIN
        + """
print(wlan.status(), wlan.isconnected(), wlan.ifconfig()[0])
print(join(), wlan.isconnected(), wlan.ifconfig()[0], wlan.config("ssid"), wlan.status("rssi") < 0)
print(wlan.ipconfig("addr4")[0], wlan.config("mac"), [point[0] for point in wlan.scan()])
wlan.disconnect()
print(wlan.status(), wlan.isconnected())
"""
    )
    assert said.splitlines() == [
        "1000 False 0.0.0.0",
        "1010 True 10.0.0.2 bench True",
        "10.0.0.2 b'$o(\\x00\\x00\\x01' [b'bench']",
        "1000 False",
    ]


def test_a_join_that_fails_says_why(vm: Vm) -> None:
    """A wrong password is 202, a network that is not there 201, as the port's codes have it."""
    said = vm.run(
        JOIN
        + """
wlan.active(True)
wlan.config(reconnects=0)
print(join(key="wrong"))
wlan.connect("elsewhere", "")
time.sleep_ms(2500)
print(wlan.status(), network.STAT_NO_AP_FOUND, network.STAT_WRONG_PASSWORD)
"""
    )
    assert said == "202\n201 201 202\n"


def test_a_status_is_that_of_the_last_join_until_the_next_has_its_own(vm: Vm) -> None:
    """A failure shows through the whole of the next join, and only an address takes it away."""
    vm.set_world(access_points={})
    vm.run(JOIN + "wlan.active(True)\nwlan.config(reconnects=0)\nprint(join())")
    vm.set_world(access_points={"bench": {"password": "bench-wifi", "delay_ms": 300}})
    said = vm.run(
        JOIN
        + """
print(wlan.status())
wlan.disconnect()
print(wlan.status())
wlan.connect("bench", "bench-wifi")
time.sleep_ms(100)
print(wlan.status(), wlan.isconnected())
time.sleep_ms(300)
print(wlan.status(), wlan.isconnected())
"""
    )
    assert said.splitlines() == ["201", "201", "201 False", "1010 True"]


@pytest.mark.parametrize(("leave", "found"), [("", True), ("wlan.disconnect()", False)])
def test_the_driver_tries_again_by_itself_unless_it_is_told_to_leave(
    vm: Vm, leave: str, found: bool
) -> None:
    """A network that comes on the air during a scan is found by the next one, or by none."""
    vm.set_world(access_points={})
    vm.run(
        JOIN + "wlan.active(True)\nwlan.config(reconnects=1)\nwlan.connect('bench', 'bench-wifi')"
    )
    vm.set_world(access_points={"bench": {"password": "bench-wifi"}})
    said = vm.run(JOIN + f"{leave}\ntime.sleep_ms(2500)\nprint(wlan.isconnected())")
    assert said == f"{found}\n"


def test_an_access_point_comes_on_the_air_late(vm: Vm) -> None:
    """Before its time an access point is not there: not to join, and not to be scanned."""
    vm.set_world(access_points={"bench": {"password": "bench-wifi", "after_ms": 600_000}})
    said = vm.run(JOIN + "wlan.active(True)\nprint(wlan.scan(), join(ms=100))")
    assert said == "[] 1001\n"


def test_an_access_point_can_be_slow_or_give_no_address(vm: Vm) -> None:
    """Until the address is there the status is 1001; after a leave 1000, through the next join."""
    vm.set_world(
        access_points={
            "slow": {"password": "", "delay_ms": 300},
            "mute": {"password": "p", "fault": "no_address"},
        }
    )
    said = vm.run(
        JOIN
        + """
wlan.active(True)
wlan.connect("slow", "")
print(wlan.status())
try:
    wlan.connect("slow", "")
except OSError as error:
    print(error)
while not wlan.isconnected():
    time.sleep_ms(10)
wlan.disconnect()
print(join("mute", "p", ms=400), wlan.isconnected())
"""
    )
    assert said.splitlines() == ["1001", "Wifi Internal State Error", "1000 False"]


def test_a_radio_that_is_off_does_not_join(vm: Vm) -> None:
    """`connect` before `active(True)` raises what the port raises."""
    said = vm.run(
        "import network\n"
        "try:\n    network.WLAN().connect('bench', 'bench-wifi')\n"
        "except OSError as error:\n    print(error)"
    )
    assert said == "Wifi Not Started\n"


def test_a_socket_reaches_a_server_on_loopback(vm: Vm, server: int) -> None:
    """Addresses are (host, port) pairs; bytes go both ways through a real connection."""
    vm.set_world(dns={"cloud.example": "127.0.0.1"})
    said = vm.run(
        JOIN
        + f"""
import socket
join()
info = socket.getaddrinfo("cloud.example", {server}, 0, socket.SOCK_STREAM)
print(info == [(2, 1, 0, "cloud.example", ("127.0.0.1", {server}))])
s = socket.socket()
s.settimeout(5)
s.connect(("cloud.example", {server}))
print(s.send(b"hello"), s.recv(100), s.recv(100))
s.close()
s = socket.socket()
s.connect(info[0][-1])
s.write("stream\\n")
print(s.readline(), s.read())
s.close()
"""
    )
    assert said.splitlines() == ["True", "5 b'HELLO' b''", "b'STREAM\\n' b''"]


def test_requests_works_over_the_stand_in(vm: Vm) -> None:
    """The frozen `requests` makes its call through the chip's socket and name resolution."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        asked: list[bytes] = []

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(5)
                with connection.makefile("rb") as stream:
                    asked.extend(iter(stream.readline, b"\r\n"))
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")

        thread = threading.Thread(target=serve)
        thread.start()
        said = vm.run(
            JOIN
            + f"""
import requests
join()
print(requests.get("http://localhost:{listening.getsockname()[1]}/x").text)
"""
        )
        thread.join()
    assert said == "ok\n"
    assert asked[0].startswith(b"GET /x HTTP/1.")


def test_network_errors_have_the_chips_numbers(vm: Vm) -> None:
    """Closed port 104, no name -202, no link 118, a host that never answers 116, read timeout 116."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.create_server(("127.0.0.1", 0)) as closed,
    ):
        port = closed.getsockname()[1]
        closed.close()
        said = vm.run(
            JOIN
            + f"""
import socket, errno
def call(host, port, seconds=0.3):
    s = socket.socket()
    s.settimeout(seconds)
    s.connect((host, port))
    s.recv(1)
print(fails(call, "127.0.0.1", {port}), fails(call, "localhost", {port}))
join()
print(fails(call, "127.0.0.1", {port}), fails(call, "cloud.example", {port}))
print(fails(call, "192.0.2.1", 443), fails(call, "127.0.0.1", {silent.getsockname()[1]}))
from errno import ETIMEDOUT, ECONNRESET, EHOSTUNREACH
print(ETIMEDOUT, ECONNRESET, EHOSTUNREACH, errno.errorcode[116])
"""
        )
    assert said.splitlines() == [
        "(118,) (-202,)",
        "(104,) (-202,)",
        "(116,) (116,)",
        "116 104 118 ETIMEDOUT",
    ]


def test_an_uncaught_timeout_prints_the_chips_name_for_it(vm: Vm) -> None:
    """The traceback's last line names the number as the port does."""
    _, error = vm.try_run("raise OSError(116)")
    assert error.splitlines()[-1] == "OSError: [Errno 116] ETIMEDOUT"


def test_faults_of_name_resolution(vm: Vm) -> None:
    """A name mapped to null, a failing resolver and a stalling one all end in -202."""
    ask = JOIN + "import socket\njoin()\nprint(fails(socket.getaddrinfo, 'localhost', 1))"
    vm.set_world(dns={"localhost": None})
    assert vm.run(ask) == "(-202,)\n"
    vm.set_world(dns_fault="fail")
    assert vm.run(ask) == "(-202,)\n"
    vm.set_world(dns_fault="stall", dns_stall_ms=300)
    started = time.monotonic()
    assert vm.run(ask) == "(-202,)\n"
    assert time.monotonic() - started >= 0.3


def test_a_link_that_carries_nothing_times_out(vm: Vm, server: int) -> None:
    """Joined and addressed, but nothing passes: names fail, connections time out."""
    vm.set_world(access_points={"bench": {"password": "bench-wifi", "fault": "no_traffic"}})
    said = vm.run(
        JOIN
        + f"""
import socket
print(join(), fails(socket.getaddrinfo, "localhost", 1))
s = socket.socket()
s.settimeout(0.2)
print(fails(s.connect, ("127.0.0.1", {server})))
"""
    )
    assert said.splitlines() == ["1010 (-202,)", "(116,)"]


def test_a_link_lost_in_the_middle_of_an_exchange(vm: Vm, server: int) -> None:
    """When the world cuts the link an open connection times out, and works again once it is back."""
    vm.send(
        JOIN
        + f"""
import socket
join()
s = socket.socket()
s.settimeout(0.3)
s.connect(("127.0.0.1", {server}))
print("connected")
while wlan.isconnected():
    time.sleep_ms(10)
print(wlan.status(), fails(s.send, b"x"))
print("waiting")
while not wlan.isconnected():
    time.sleep_ms(10)
s.send(b"again")
print(s.recv(10))
"""
    )
    vm.until(b"connected")
    vm.set_world(link_fault="down")
    assert b"1001 (116,)" in vm.until(b"waiting")
    vm.set_world(link_fault=None)
    vm.until(b"b'AGAIN'")


def test_the_radio_outlives_a_soft_reboot_but_not_a_reset(vm: Vm) -> None:
    """A soft reboot leaves the join as it is; a reset of the chip starts with the radio off."""
    vm.run(JOIN + "print(join())")
    vm.feed(b"\x04")
    vm.until(b"information.\r\n>>> ")
    assert vm.run("import network; print(network.WLAN().isconnected())") == "True\n"
    vm.start("soft_reset")
    assert vm.run("import network; print(network.WLAN().isconnected())") == "False\n"


def test_time_servers_answer_as_the_world_says(vm: Vm) -> None:
    """The host's time plus an offset by server; none, no link and no name are errors."""
    vm.set_world(ntp={"early": -86400, "mute": None, "*": 0})
    now = time.time() - 946684800
    said = vm.run(
        JOIN
        + """
import ntptime
ntptime.timeout = 0.1
print(fails(ntptime.time))
join()
print(ntptime.time())
for ntptime.host in ("early", "mute"):
    print(fails(ntptime.time))
ntptime.host = "any"
ntptime.settime()
print(time.time())
"""
    ).splitlines()
    assert said[0] == "(-202,)"
    assert said[3] == "(116,)"
    assert abs(int(said[1]) - now) < 30
    assert abs(int(said[2]) - now + 86400) < 30
    assert abs(int(said[4]) - now) < 30


def test_a_time_before_the_firmware_is_of_the_next_era(vm: Vm) -> None:
    """Stamps before 2024 are read as 2**32 seconds later; the port's calendar wraps them back."""
    now, wrap = time.time(), 2**32 - 2_208_988_800  # in 2036 the stamps begin again
    vm.set_world(
        ntp={
            "lost": -now,
            "old": 1_700_000_000 - now,
            "before": wrap - 9999 - now,
            "after": wrap - now,
        }
        | {"2105": 4_260_000_000 - now, "2107": 4_320_000_000 - now}
    )
    said = vm.run(
        JOIN
        + """
import ntptime
join()
for ntptime.host in ("lost", "old"):
    far = ntptime.time()
    print(far > 2**31, time.gmtime(far - 2**32) == time.gmtime(far), time.gmtime(far)[:2])
ntptime.settime()
print(time.gmtime()[:2])
for ntptime.host in ("before", "after", "2105", "2107"):
    ntptime.settime()
    print(time.gmtime(ntptime.time())[:3], time.gmtime()[:3], time.time() < 0)
for year in (1970, 1999, 2100, 2105, 2106):
    print(time.gmtime(time.mktime((year, 2, 29, 12, 0, 0, 0, 0)))[:3], end=" ")
"""
    )
    assert said.splitlines() == [
        "True True (1970, 1)",
        "True True (2023, 11)",
        "(2023, 11)",
        "(2036, 2, 7) (2036, 2, 7) False",
        "(2036, 2, 7) (2036, 2, 7) False",
        "(2104, 12, 28) (2104, 12, 28) False",
        "(1970, 10, 17) (1970, 10, 17) True",
        "(1970, 3, 1) (1999, 3, 1) (2100, 2, 29) (2105, 3, 1) (1970, 1, 24) ",
    ]


def test_the_clock_starts_where_the_world_puts_it(vm: Vm) -> None:
    """`clock` is what the chip shows after power-on."""
    vm.set_world(clock="2026-11-21T10:00:00")
    vm.start("power_on")
    assert vm.run("import time; print(time.gmtime()[:5])") == "(2026, 11, 21, 10, 0)\n"

"""The MicroPython prompt of a running chip, over each kind of line."""

from __future__ import annotations

import errno
import hashlib
import random
import threading
import time
from collections.abc import Callable

import pytest
from pytest_mock import MockerFixture

from startline_host.device.file_sender import NotStored, send_files
from startline_host.device.partition_access import (
    differing_blocks,
    read_facts,
    read_partition,
    write_partition,
)
from startline_host.device.port import open_port
from startline_host.device.raw_repl import DeviceRaised, NoFileSystem, _BoundedLine
from startline_host.device.repl import Repl
from startline_host.errors import DeviceSilent, NoSuchPort
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32

Chip = Callable[..., VirtualEsp32]

CATCHER = """
import time
n = 0
while n < 5:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        n += 1
"""
HELLO = {"/boot.py": b"", "/main.py": b"print('hello')"}


def url(chip: VirtualEsp32, kind: str) -> str:
    """Return the chip's port of a kind."""
    found = {"rfc2217": chip.url, "socket": chip.raw_url, "pty": chip.pty_path}[kind]
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["rfc2217", "socket", "pty"])
def test_files_go_to_the_device_and_are_told_apart(chip: Chip, kind: str) -> None:
    """Over every kind of line, files are made, digested, listed and removed."""
    data = random.Random(1).randbytes(9000) + bytes(9000)
    with open_port(url(chip(HELLO), kind)) as port:
        repl = Repl(port)
        repl.enter()
        files = {"/lib/startline/x.mpy": data, "/empty": b"", "/lib/a/b/y.py": b"y" * 300}
        seen: list[int] = []
        send_files(repl, files, seen.append)
        wanted = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        assert repl.digests([*files, "/none"]) == {**wanted, "/none": None}
        assert seen[-1] == len(data) + 300
        assert repl.entries("/lib") == {"startline": True, "a": True}
        assert repl.entries("/lib/startline") == {"x.mpy": False}
        repl.remove("/lib/startline/x.mpy")
        assert repl.entries("/lib/startline") == {}
        assert repl.entries("/no such folder") == {}


def test_a_file_that_finds_no_room_is_named_and_leaves_nothing(chip: Chip) -> None:
    """What came before it stays, it is told by name, and its beginning is removed."""
    large = random.Random(3).randbytes(100_000)
    with open_port(chip({**HELLO, "/data": bytes(0xF0000)}).url) as port:
        repl = Repl(port)
        repl.enter()
        with pytest.raises(NotStored) as caught:
            send_files(repl, {"/small": b"1", "/large": large, "/never": b"2"})
        assert isinstance(caught.value.reason, OSError)
        assert (caught.value.path, caught.value.reason.errno) == ("/large", errno.ENOSPC)
        assert set(repl.entries("/")) == {"boot.py", "data", "main.py", "small"}


def test_what_the_device_raises_arrives_as_what_it_is(chip: Chip) -> None:
    """The device's OSErrors become the host's, and other exceptions keep their last line."""
    with open_port(chip(HELLO).url) as port:
        repl = Repl(port)
        repl.enter()
        with pytest.raises(FileNotFoundError):
            repl.remove("/none")
        with pytest.raises(DeviceRaised, match="ZeroDivisionError: divide by zero"):
            repl.run("1/0")
        assert repl.value("{'a': (1, b'x', None)}") == {"a": (1, b"x", None)}


def test_every_wait_has_an_end(chip: Chip) -> None:
    """Code that does not come back is given up, and the prompt can be had again."""
    with open_port(chip(HELLO).url) as port:
        repl = Repl(port)
        repl.enter()
        with pytest.raises(DeviceSilent, match="did not answer in time"):
            repl.run("while True:\n print('x')", 0.3)
        repl.enter(120.0)  # what it has printed until then is to be read first
        assert repl.value("6 * 7") == 42


@pytest.mark.parametrize(
    "program",
    [
        "import time\nwhile True:\n print('x' * 100)\n time.sleep(0.001)\n",
        "import time\ntime.sleep(60)\n",
        CATCHER,
        "import machine, time\ntime.sleep(0.3)\nmachine.reset()\n",
        "1/0\n",
    ],
    ids=["chatty", "asleep", "catches Ctrl-C", "restarts for ever", "fails"],
)
def test_the_prompt_is_had_whatever_main_does(chip: Chip, program: str) -> None:
    """A main.py that prints, sleeps, catches interrupts, restarts or fails is got past."""
    with open_port(chip({"/boot.py": b"", "/main.py": program.encode()}).url) as port:
        port.reset()
        repl = Repl(port)
        repl.enter(15.0)
        assert repl.value("6 * 7") == 42


def test_a_chip_with_nothing_to_run_is_found_out_at_once(chip: Chip) -> None:
    """A blank chip says so itself, and nobody waits for its prompt."""
    with open_port(chip().url) as port:
        began = time.monotonic()
        with pytest.raises(DeviceSilent, match="no application"):
            Repl(port).enter(60.0)
        assert time.monotonic() - began < 50


def test_a_damaged_file_system_is_found_out(chip: Chip) -> None:
    """A chip that only says that its file system is corrupted is not waited for."""
    with open_port(chip({**HELLO, "/boot.py": _LOOP}).url) as port:
        port.reset()
        with pytest.raises(NoFileSystem):
            Repl(port).enter(60.0)


_LOOP = b"""
import time, micropython
micropython.kbd_intr(-1)
while True:
    print('The filesystem appears to be corrupted. If you had important data there')
    time.sleep(0.2)
"""


def test_partitions_are_read_and_written_raw(chip: Chip) -> None:
    """Facts and bytes of partitions come over the prompt, and single blocks go back."""
    with open_port(chip(HELLO).url) as port:
        repl = Repl(port)
        repl.enter()
        facts = read_facts(repl)
        assert (facts.chip, facts.mac) == ("ESP32", "24:6f:28:00:00:01")
        assert {"nvs", "bind", "fctry", "vfs", "factory"} <= {row.name for row in facts.rows}
        old = read_partition(repl, "fctry")
        assert old == bytes(range(256)) * 64
        assert read_partition(repl, "bind") == b"\xff" * 0x2000
        new = old[:4096] + b"other" * 100 + old[4596:]
        assert differing_blocks(old, new) == [1]
        assert write_partition(repl, "fctry", new, [1]) > 0
        assert read_partition(repl, "fctry") == new


def test_a_restart_is_followed_on_the_same_port(chip: Chip) -> None:
    """machine.reset() restarts the chip, and nothing of what it then prints is missed."""
    with open_port(chip(HELLO).url) as port:
        repl = Repl(port)
        repl.enter()
        repl.restart()
        heard, began = b"", time.monotonic()
        while b">>> " not in heard and time.monotonic() < began + 20:
            heard += port.read(0.5)
        assert b"rst:0xc" in heard
        assert b"hello\r\n" in heard


@pytest.mark.parametrize("kind", ["rfc2217", "socket", "pty"])
def test_a_line_that_is_cut_is_said_to_be(chip: Chip, kind: str) -> None:
    """A cable that is pulled at the prompt, in the middle of whatever, is a port that has gone."""
    one = chip(HELLO)
    with open_port(url(one, kind)) as port:
        repl = Repl(port)
        repl.enter()
        pull = threading.Timer(0.1, one.kill)
        pull.start()
        with pytest.raises(NoSuchPort):
            _send_for_ever(repl)
        pull.join()


def _send_for_ever(repl: Repl) -> None:
    while True:
        send_files(repl, {"/x": random.Random(1).randbytes(9000)})


def test_whoever_gave_up_stays_late(mocker: MockerFixture) -> None:
    """A deadline that grows with the work of this computer takes no lateness back; a new one does."""
    port = mocker.Mock(has_ended=False)
    port.line.in_waiting = 0
    grown = mocker.Mock(over=True)
    type(grown).expired = mocker.PropertyMock(side_effect=[True, False])
    line = _BoundedLine(port)
    line.allow(grown)
    assert line.read(1) == b""
    assert line.is_late
    line.allow(Deadline(60))
    assert not line.is_late

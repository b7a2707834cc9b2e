"""Details of the port that an application leans on: `sys`, buffers, pins, polls, a locked heap."""

from __future__ import annotations

from tests.virtual.vm_harness import BANNER, Vm


def test_imports_follow_the_path_that_a_program_sets(vm: Vm) -> None:
    """`sys.path` may be replaced or changed in place; both count from the next import on."""
    said = vm.run(
        """
import os, sys
for folder in ("one", "two"):
    os.mkdir(folder)
    with open(folder + "/in_%s.py" % folder, "w") as file:
        file.write("print('found', __file__)")
sys.path = ["", "/one"]
import in_one
sys.path.append("/two")
import in_two
sys.path[:] = []
print(sys.path)
"""
    )
    assert said == "found /one/in_one.py\nfound /two/in_two.py\n[]\n"


def test_what_is_in_rom_cannot_be_written(vm: Vm) -> None:
    """`sys` takes a path and prompts and nothing else; `errno.errorcode` takes nothing."""
    said = vm.run(
        """
import errno, sys
from sys import *
from sys import platform as name
print(sys, platform == name == "esp32", stdin is sys.stdin)
def put(name, value):
    setattr(sys, name, value)
try:
    from sys import nothing_of_this_name
except ImportError:
    print("ImportError")
for call in (lambda: put("platform", "x"), lambda: put("own", 1), lambda: delattr(sys, "stdin")):
    try:
        call()
    except AttributeError as error:
        print(error)
for call in (lambda: errno.errorcode.update({1: "x"}), errno.errorcode.clear,
             lambda: errno.errorcode.__setitem__(1, "x")):
    try:
        call()
    except TypeError:
        print("TypeError")
print(errno.errorcode[116], len(errno.errorcode))
"""
    )
    assert said.splitlines() == [
        "<module 'sys'> True True",
        "ImportError",
        *(f"'module' object has no attribute '{name}'" for name in ("platform", "own", "stdin")),
        *["TypeError"] * 3,
        "ETIMEDOUT 22",
    ]
    vm.feed(b"import sys; sys.ps1 = 'esp> '\r")
    vm.until(b"\r\nesp> ")


def test_buffers_count_bytes(vm: Vm) -> None:
    """An array of wider items is as many bytes as it has, for flash, NVS and the console."""
    vm.send(
        """
import sys
from array import array
from esp32 import NVS, Partition
nvs, bind = NVS("n"), Partition("bind")
nvs.set_blob("blob", array("H", [1, 2, 3]))
wide = array("I", [0, 0])
print(nvs.get_blob("blob", wide), wide)
try:
    nvs.get_blob("blob", array("I", [0]))
except OSError as error:
    print(error)
bind.writeblocks(0, array("H", [0x1234] * 4), 0)
narrow = bytearray(9)
bind.readblocks(0, array("I", [0] * 2), 0)
bind.readblocks(0, memoryview(narrow)[1:], 0)
print(bytes(narrow))
bind.readblocks(0, wide, 0)
print(wide)
print("go")
print(sys.stdin.buffer.readinto(wide), wide)
"""
    )
    assert vm.until(b"go\r\n").decode().splitlines() == [
        "6 array('I', [131073, 3])",
        "(-4364, 'ESP_ERR_NVS_INVALID_LENGTH')",
        r"b'\x004\x124\x124\x124\x12'",
        "array('I', [305402420, 305402420])",
        "go",
    ]
    vm.feed(b"\x01\x00\x00\x00\x02\x00\x00\x00")
    assert vm.until(b"\x04") == b"8 array('I', [1, 2])\r\n\x04"


def test_a_locked_heap_still_prints(vm: Vm) -> None:
    """`print` and `sys.stdout.write` need no memory; an exception unlocks, as the port does."""
    said, error = vm.try_run(
        """
import micropython, sys
micropython.alloc_emergency_exception_buf(100)
micropython.heap_lock()
micropython.heap_lock()
print("locked")
sys.stdout.write("text\\n")
micropython.heap_unlock()
micropython.heap_unlock()
print("unlocked", [1])
micropython.heap_lock()
[1, 2, 3]
bytearray(1000)
"""
    )
    assert said == "locked\ntext\nunlocked [1]\n"
    assert "MemoryError" in error
    assert vm.run("print([1, 2])") == "[1, 2]\n"


def test_pins_are_those_of_an_esp32(vm: Vm) -> None:
    """Numbers without a pin are refused, and outputs on pins that can only be read."""
    said = vm.run(
        """
from machine import Pin
for make in (lambda: Pin(24), lambda: Pin(28), lambda: Pin(40), lambda: Pin(34, Pin.OUT),
             lambda: Pin(39, Pin.OPEN_DRAIN)):
    try:
        make()
    except ValueError as error:
        print(error)
print(Pin(34, Pin.IN), Pin(33, Pin.OUT), Pin(Pin(4)), Pin(20))
try:
    Pin(2, Pin.OUT, None, 1)
except TypeError:
    print("value is given by name")
"""
    )
    assert said.splitlines() == [
        *["invalid pin"] * 3,
        *["pin can only be input"] * 2,
        "Pin(34) Pin(33) Pin(4) Pin(20)",
        "value is given by name",
    ]


def test_what_is_not_imitated_says_so(vm: Vm) -> None:
    """Names of the port exist; whoever uses them is told that this is not a real chip."""
    said = vm.run(
        """
import bluetooth, btree, esp32, flashbdev, inisetup, machine, neopixel, network, socket
from dht import DHT22
for use in (lambda: esp32.wake_on_ext0(pin=0, level=0), lambda: esp32.wake_on_ext1((0,), 1),
            lambda: machine.PWM(2), lambda: machine.ADC.ATTN_11DB, lambda: network.LAN(),
            lambda: neopixel.NeoPixel(2, 1), lambda: bluetooth.BLE(), lambda: DHT22(4),
            lambda: machine.mem32[0], lambda: machine.mem8.__setitem__(0, 1), lambda: btree.open(0),
            inisetup.setup, lambda: flashbdev.bdev.ioctl(4, 0),
            lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)):
    try:
        use()
    except NotImplementedError as error:
        print(error)
print(len(esp32.idf_heap_info(esp32.HEAP_DATA)) > 1, esp32.idf_heap_info(esp32.HEAP_EXEC)[0][0] > 0)
"""
    )
    names = ["esp32.wake_on_ext0", "esp32.wake_on_ext1", "machine.PWM", "machine.ADC.ATTN_11DB"]
    names += ("network.LAN", "neopixel.NeoPixel", "bluetooth.BLE", "dht.DHT22", "machine.mem32")
    names += ("machine.mem8", "btree.open", "inisetup.setup", "flashbdev.bdev.ioctl")
    names.append("socket.SOCK_RAW")
    assert said.splitlines() == [
        *(f"{name} is not imitated by the virtual ESP32" for name in names),
        "True True",
    ]


def test_what_is_of_the_wrong_type_is_refused_as_on_the_port(vm: Vm) -> None:
    """Descriptors are no streams, and a socket's kind, a time and an output are what they are."""
    assert vm.run(WRONG_TYPES).splitlines() == [
        "OSError('stream operation not supported',)",
        "OSError('stream operation not supported',)",
        'TypeError("can\'t convert str to int",)',
        "TypeError",
        "TypeError",
        "OSError",
        "OSError",
    ]


WRONG_TYPES = """
import select, socket, sys, time
for function, *args in (
    (select.poll().register, 0),
    (select.select, [0], [], [], 0),
    (time.gmtime, "0"),
):
    try:
        print(function(*args))
    except Exception as error:
        print(repr(error))
for function, *args in (
    (socket.socket, socket.AF_INET, None),
    (socket.socket, socket.AF_INET, socket.SOCK_STREAM, None),
    (socket.socket, socket.AF_INET, 123456),
    (sys.print_exception, ValueError(), 1),
):
    try:
        print(function(*args))
    except Exception as error:
        print(type(error).__name__)
"""


def test_poll_and_select_tell_streams_apart(vm: Vm) -> None:
    """Every ready stream is in the list once, as itself."""
    vm.feed(b"\x01")
    vm.until(b"to exit\r\n>")
    vm.feed(
        b"""
import io, select, sys
class Stream(io.IOBase):
    def __init__(self, ready):
        self.ready = ready
    def ioctl(self, request, argument):
        return self.ready & argument if request == 3 else -1
one, two, none = Stream(1), Stream(5), Stream(0)
poll = select.poll()
for stream in (one, two, none):
    poll.register(stream, select.POLLIN | select.POLLOUT)
ready = poll.poll(100)
print([stream is one or stream is two for stream, _ in ready], sorted(e for _, e in ready))
readable, writable, broken = select.select([one, none], [two, none, one], [], 0.1)
print(readable == [one], writable == [two], broken)
print(select.select([none], [], [], 0), select.select([], [], [], 0.01))
poll.modify(two, select.POLLOUT)
poll.unregister(one)
print([(stream is two, events) for stream, events in poll.ipoll(100)], poll.poll(0)[0][1])
\x04"""
    )
    assert vm.until(b"\x04>").decode().splitlines() == [
        "OK[True, True] [1, 5]",
        "True True []",
        "([], [], []) ([], [], [])",
        "[(True, 4)] 4",
        "\x04\x04>",
    ]


def test_ticks_refuse_what_they_cannot_tell(vm: Vm) -> None:
    """Half a period or more is an OverflowError, as the port has it; less is not."""
    said = vm.run(
        """
import time
for delta in (2**29 - 1, -(2**29) + 1, 2**29, -(2**29), 2**30, 2**40):
    try:
        print(time.ticks_diff(time.ticks_add(5, delta), 5) == delta)
    except OverflowError as error:
        print(error)
"""
    )
    assert said.splitlines() == [
        *["True"] * 2,
        *["ticks interval overflow"] * 3,
        "overflow converting long int to machine word",
    ]


def test_timers_take_the_ports_options(vm: Vm) -> None:
    """Virtual and hardware timers, ticks of another length, frequencies; no hard interrupt."""
    said = vm.run(
        """
from machine import Timer
import time, asyncio
for wrong in (lambda: Timer(4), lambda: Timer(0).init(period=5, hard=True),
              lambda: Timer(0).init(period=0), lambda: Timer(0, 5)):
    try:
        wrong()
    except (ValueError, TypeError) as error:
        print(type(error).__name__, error)
hits = []
one = Timer(-1)
one.init(mode=Timer.ONE_SHOT, period=50000, tick_hz=1000000, callback=lambda t: hits.append("us"))
two = Timer(1, freq=20, callback=lambda t: hits.append("hz"))
three = Timer(2, period=10, mode=Timer.ONE_SHOT, callback=lambda t: (time.sleep_ms(20), hits.append(3)))
print(two)
async def wait():
    await asyncio.sleep_ms(200)
asyncio.run(wait())
print(hits[0], hits.count("us"), hits.count("hz") >= 2)
two.deinit()
end = time.ticks_ms() + 100
Timer(3).init(mode=Timer.ONE_SHOT, period=1, callback=lambda t: hits.append("busy"))
while time.ticks_ms() < end:
    pass
print(hits[-1])
"""
    )
    assert said.splitlines() == [
        "ValueError Timer(4) doesn't exist, there are only 4 hardware timers",
        "ValueError hard Timers are not implemented",
        "ValueError Timer period is too short for this timer",
        "TypeError __new__() takes 2 positional arguments but 3 were given",
        "Timer(1, mode=PERIODIC, period=50)",
        "3 1 True",
        "busy",
    ]


def test_blocks_can_be_pasted_at_the_prompt(vm: Vm) -> None:
    """A blank or a tab of the text's own ends the indenting until the statement is complete."""
    vm.feed(b"try:\r    x = 1 / 0\rexcept ZeroDivisionError:\r    print('cau' + 'ght')\r\r")
    vm.until(b"caught\r\n>>> ")
    vm.feed(b"if 0:\r  print(1)\relse:\r  if 1:\r    print('el' + 'se')\r\r")
    vm.until(b"else\r\n>>> ")
    vm.feed(b"def f():\r\ttry:\rreturn 'tab' + 'bed'\r\x08\rfinally:\r    pass\r\r")
    assert b"Error" in vm.until(b"\r\n>>> ")
    vm.feed(b"for i in range(2):\r\tprint(i)\r\rprint('af' + 'ter')\r")
    vm.until(b"0\r\n1\r\n>>> ")
    vm.until(b"after\r\n>>> ")


def test_a_carriage_return_and_line_feed_end_one_line(vm: Vm) -> None:
    """Text from an editor that ends lines with both does not get empty lines in between."""
    vm.feed(b"if 0:\r\n  1\r\nelse:\r\n  print('el' + 'se')\r\n\r\n")
    vm.until(b"else\r\n>>> ")
    vm.feed(b"x = 5\r\nfor i in range(2):\r\nprint(i + x)\r\n\x08\r\nprint('end')\r\n")
    assert vm.until(b"end\r\n>>> ").count(b">>> ") == 3


def test_two_blank_lines_end_the_indenting(vm: Vm) -> None:
    """The prompt indents once more after a line of blanks, and not after two."""
    vm.feed(b"while 1:\rbreak\r")
    vm.until(b"...     break\r\n...     ")
    vm.feed(b"\r")
    vm.until(b"\r\n...     ")
    vm.feed(b"\r")
    vm.until(b"\r\n... ")
    vm.feed(b"\r'out'\r")
    vm.until(b"'out'\r\n>>> ")
    vm.feed(b"\x01")
    vm.until(b"to exit\r\n>")
    vm.feed(b"\x02")
    vm.until(BANNER)


def test_a_second_thread_is_refused_with_a_word(vm: Vm) -> None:
    """Locks work; what would corrupt the VM says that it is not imitated."""
    said = vm.run(
        """
import _thread
lock = _thread.allocate_lock()
with lock:
    print(lock.locked(), lock.acquire(False), _thread.get_ident() != 0)
try:
    _thread.start_new_thread(print, ("never",))
except NotImplementedError as error:
    print(error)
"""
    )
    assert said.splitlines() == [
        "True False True",
        "_thread.start_new_thread is not imitated by the virtual ESP32: this VM has no GIL",
    ]

"""Arguments as the port's C code takes them, where Python of ours stands in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.virtual.vm_harness import JOIN, ROWS, Vm

if TYPE_CHECKING:
    from pathlib import Path


def test_names_are_texts_as_c_code_takes_them(vm: Vm) -> None:
    """Of `str` or `bytes`, up to a zero byte; anything else is a TypeError, as on the chip."""
    said = vm.run(
        """
import esp32, network
from esp32 import NVS, Partition
one = NVS(b"names")
one.set_i32(b"lap", 7)
print(one.get_i32("lap"), NVS("names\\0more").get_i32("lap\\0s"), Partition(b"nvs").info()[4])
print(Partition.find(Partition.TYPE_DATA, label=b"nvs")[0].info()[4])
network.hostname(b"gate-1"); network.country(b"DE")
print(network.hostname(), network.country())
for wrong in (lambda: NVS(None), lambda: one.set_i32(None, 1), lambda: one.get_blob(3, bytearray(1)),
              lambda: Partition(None), lambda: network.hostname(5), lambda: one.erase_key([])):
    try:
        wrong()
    except TypeError as error:
        print(error)
try:
    Partition(7)
except ValueError as error:
    print(repr(error))
"""
    )
    implicitly = "can't convert '{}' object to str implicitly".format
    assert said.splitlines() == [
        "7 7 nvs",
        "nvs",
        "gate-1 DE",
        *map(implicitly, ("NoneType", "NoneType", "int", "NoneType", "int", "list")),
        "ValueError()",
    ]


def test_true_and_false_are_whole_numbers_to_c_code(vm: Vm) -> None:
    """A bool is kept as an integer, and counts as one for a time; a float is none in NVS."""
    said = vm.run(
        """
import esp32, time
nvs = esp32.NVS("flags")
nvs.set_i32("armed", True)
nvs.set_i32("open", False)
print(nvs.get_i32("armed"), nvs.get_i32("open"), time.gmtime(True)[:6])
for wrong in (1.0, "1", None):
    try:
        nvs.set_i32("wrong", wrong)
    except TypeError as error:
        print(error)
"""
    )
    assert said.splitlines() == [
        "1 0 (2000, 1, 1, 0, 0, 1)",
        "can't convert float to int",
        "can't convert str to int",
        "can't convert NoneType to int",
    ]


def test_what_can_only_be_read_is_not_filled(vm: Vm) -> None:
    """Bytes, texts and views of them are TypeErrors wherever a buffer is to be filled, even if empty."""
    said = vm.run(
        """
import esp, esp32, socket, sys
from array import array
from machine import UART
nvs = esp32.NVS("blobs")
nvs.set_blob("blob", b"four")
block = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="nvs")[0]
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
with open("file", "w") as file:
    file.write("text")
fillers = (
    lambda buffer: nvs.get_blob("blob", buffer), UART(1, tx=4, rx=5).readinto, socket.socket().readinto,
    datagrams.readinto, lambda buffer: block.readblocks(0, buffer), open("file", "rb").readinto,
    lambda buffer: esp.flash_read(0x8000, buffer), sys.stdin.buffer.readinto,
)
for fill in fillers:
    for buffer in (b"", b"read", "text", memoryview(b"view"), 5):
        try:
            print("taken", fill(buffer), buffer)
        except TypeError:
            print(".", end="")
print()
wide = array("H", [0, 0])
print(nvs.get_blob("blob", memoryview(wide)), wide[0] == 0x6F66, nvs.get_blob("blob", memoryview(bytearray(4))))
"""
    )
    assert said.splitlines() == ["." * 8 * 5, "4 True 4"]


def test_numbers_with_a_point_are_no_whole_numbers(vm: Vm) -> None:
    """Where C code takes a whole number of 32 bits, a float is a TypeError and more bits an overflow."""
    said = vm.run(
        """
import esp, esp32, machine, network, select, socket, time
uart = machine.UART(1, tx=4, rx=5)
poll = select.poll()
block = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="nvs")[0]
takers = (
    uart.init, lambda n: uart.init(9600, n), lambda n: uart.init(timeout=n), lambda n: uart.init(rxbuf=n),
    lambda n: uart.irq(print, n), machine.UART, machine.WDT, lambda n: machine.WDT(0, n), machine.freq,
    lambda n: machine.Pin(4, n), lambda n: machine.Pin(4).init(pull=n), lambda n: machine.Timer(n),
    lambda n: machine.Timer(-1).init(period=n), lambda n: machine.RTC().datetime((2026, 1, 1, 0, n, 0, 0, 0)),
    machine.deepsleep, machine.lightsleep, time.sleep_ms, time.sleep_us, lambda n: time.ticks_add(1, n),
    poll.poll, lambda n: poll.register(socket.socket(), n), lambda n: socket.socket().listen(n),
    lambda n: socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, n),
    lambda n: block.readblocks(n, bytearray(1)), lambda n: block.ioctl(6, n), esp.flash_erase,
    esp32.idf_heap_info, network.WLAN, lambda n: network.WLAN(1).config(channel=n),
    lambda n: esp32.NVS("numbers").set_i32("one", n),
)
for number in (1.5, 1 << 32, "1"):
    for index, take in enumerate(takers):
        try:
            print("taken", index, number, take(number))
        except (TypeError, OverflowError) as error:
            print(type(error).__name__[0], end="")
    print()
for taken in (lambda: time.gmtime(1.5), lambda: socket.getaddrinfo("127.0.0.1", 80.0),
              lambda: time.sleep("1"), lambda: select.select([], [], [], "1"), lambda: select.select(1, [], [])):
    try:
        print("taken", taken())
    except TypeError:
        print(".", end="")
"""
    )
    assert said.splitlines() == ["T" * 30, "O" * 30, "T" * 30, "....."]


def test_what_the_port_refuses_is_refused(vm: Vm) -> None:
    """A name that is no text, arguments for the RTC, a socket of no known type, too long a datagram."""
    said = vm.run(
        JOIN
        + """
import machine, micropython, socket
join()
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for wrong in (lambda: wlan.connect(5), lambda: wlan.connect("bench", 5), lambda: machine.RTC(1),
              lambda: socket.socket(socket.AF_INET, 7),
              lambda: datagrams.sendto(bytes(70_000), ("127.0.0.1", 9))):
    try:
        print("taken", wrong())
    except OSError as error:
        print(error.errno)
    except TypeError:
        print("TypeError")
print(hasattr(micropython, "mem_total"), hasattr(micropython, "mem_info"))
"""
    )
    assert said.splitlines() == [
        *["TypeError"] * 3,
        *("22", "122"),
        "False True",
    ]


def test_a_table_without_ota_data_cannot_choose_what_starts(tmp_path: Path) -> None:
    """`set_boot` and `mark_app_valid…` find nothing; beside OTA data the factory's app has no mark."""
    choose = """
from esp32 import Partition
for call in (Partition(Partition.RUNNING).set_boot, Partition.mark_app_valid_cancel_rollback):
    try:
        print(call())
    except OSError as error:
        print(error.args)
"""
    with_data = tmp_path / "with"
    with_data.mkdir()
    with Vm(tmp_path) as vm:
        vm.start()
        assert vm.run(choose).splitlines() == ["(-261, 'ESP_ERR_NOT_FOUND')"] * 2
    rows = (*ROWS, ("otadata", 1, 0x00, 0x3F0000, 0x2000))
    with Vm(with_data, rows) as vm:
        vm.start()
        assert vm.run(choose).splitlines() == ["None", "(1, 'ESP_FAIL')"]

"""`esp32.NVS` in the real VM: what fits, what is refused, what a reset leaves."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from tests.virtual import nvs_reader
from tests.virtual.vm_harness import BANNER, NVS, Vm

if TYPE_CHECKING:
    from pathlib import Path


def test_nvs_gives_what_the_ports_own_test_expects(vm: Vm) -> None:
    """Values, lengths and errors of MicroPython's test of `esp32.NVS` on a real chip."""
    said = vm.run(
        """
from esp32 import NVS
def fails(function, *args):
    try:
        function(*args)
    except OSError as error:
        print(error)
one = NVS("first")
one.set_i32("number", 1234)
one.set_i32("other", -503)
print(one.get_i32("number"), one.get_i32("other"))
text = "a text as a blob"
one.set_blob("text", text)
buffer = bytearray(len(text))
print(one.get_blob("text", buffer), buffer)
one.set_blob("bytes", b"some bytes")
buffer = bytearray(20)
print(one.get_blob("bytes", buffer), bytes(buffer))
print(one.get_blob("bytes", bytearray(0)))
one.erase_key("number")
fails(one.erase_key, "number")
fails(one.get_i32, "number")
fails(one.get_i32, "text")
fails(one.get_blob, "text", bytearray(10))
one.commit()
two = NVS("second")
fails(two.get_i32, "other")
two.set_i32("other", 7654)
print(one.get_i32("other"), two.get_i32("other"), one)
"""
    )
    assert said.splitlines() == [
        "1234 -503",
        "16 bytearray(b'a text as a blob')",
        "10 b'some bytes\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'",
        "10",
        "(-4354, 'ESP_ERR_NVS_NOT_FOUND')",
        "(-4354, 'ESP_ERR_NVS_NOT_FOUND')",
        "(-4354, 'ESP_ERR_NVS_NOT_FOUND')",
        "(-4364, 'ESP_ERR_NVS_INVALID_LENGTH')",
        "(-4354, 'ESP_ERR_NVS_NOT_FOUND')",
        "-503 7654 <NVS namespace>",
    ]


def test_long_nvs_keys_fail_or_are_cut_as_on_the_chip(vm: Vm) -> None:
    """More than 15 characters cannot be set; of what is read or erased the first 15 count."""
    said = vm.run(
        """
from esp32 import NVS
one = NVS("n")
for name in ("x" * 16, ""):
    try:
        NVS(name)
    except OSError as error:
        print(error)
for set in (lambda: one.set_i32("k" * 16, 1), lambda: one.set_blob("k" * 16, b"x")):
    try:
        set()
    except OSError as error:
        print(error)
one.set_blob("k" * 15, b"cut")
buffer = bytearray(3)
print(one.get_blob("k" * 20, buffer), buffer)
one.erase_key("k" * 17)
one.commit()
try:
    one.get_blob("k" * 15, buffer)
except OSError as error:
    print(error)
"""
    )
    assert said.splitlines() == [
        "(-4358, 'ESP_ERR_NVS_INVALID_NAME')",
        "(-4358, 'ESP_ERR_NVS_INVALID_NAME')",
        *["(-4361, 'ESP_ERR_NVS_KEY_TOO_LONG')"] * 2,
        "3 bytearray(b'cut')",
        "(-4354, 'ESP_ERR_NVS_NOT_FOUND')",
    ]


def test_a_full_nvs_refuses_what_espressifs_library_refuses(vm: Vm) -> None:
    """50 blobs of 300 bytes fit into 0x6000; then a value that is only changed is refused, too."""
    said = vm.run(
        """
from esp32 import NVS
one = NVS("n")
def fill(set):
    count = 0
    try:
        while True:
            set("%s%d" % (set.__name__, count))
            count += 1
            if count % 7 == 0:
                one.commit()
    except OSError as error:
        print(count, error)
    one.commit()
def blob(key):
    one.set_blob(key, bytes(300))
def number(key):
    one.set_i32(key, 1)
fill(blob)
fill(number)
for change in (lambda: one.set_i32("number0", 2), lambda: one.set_blob("blob0", b"x")):
    try:
        change()
    except OSError as error:
        print(error)
one.set_i32("number0", 1)
print(one.get_blob("blob0", bytearray(300)), one.get_i32("number0"))
"""
    )
    full = "(-4357, 'ESP_ERR_NVS_NOT_ENOUGH_SPACE')"
    assert said.splitlines() == [f"50 {full}", f"29 {full}", full, full, "300 1"]
    assert len(nvs_reader.values(vm.partition(NVS))) == 79


def test_nvs_integers_have_32_bits(vm: Vm) -> None:
    """What does not fit is an OverflowError, as for any machine word of the port."""
    said = vm.run(
        """
from esp32 import NVS
one = NVS("n")
for value in (2**31 - 1, -(2**31), 2**31, -(2**31) - 1, 2**40, "1"):
    try:
        one.set_i32("k", value)
        print(one.get_i32("k") == value)
    except (OverflowError, TypeError) as error:
        print(type(error).__name__)
"""
    )
    assert said.splitlines() == [*["True"] * 2, *["OverflowError"] * 3, "TypeError"]


def test_a_key_of_two_types_hides_the_newer(vm: Vm) -> None:
    """An integer and a blob of one name: the library finds the older one only, until it is erased."""
    said = vm.run(
        """
from esp32 import NVS
one = NVS("n")
one.set_i32("k", 5)
one.set_blob("k", b"blob")
def shown():
    for get in (lambda: one.get_i32("k"), lambda: one.get_blob("k", bytearray(4))):
        try:
            print(get(), end=" ")
        except OSError as error:
            print(error.args[0], end=" ")
    print()
shown()
one.commit()
shown()
one.erase_key("k")
shown()
"""
    )
    assert said.splitlines() == ["5 -4354 ", "5 -4354 ", "-4354 4 "]


@pytest.mark.parametrize("ending", ["reset", "soft", "power"])
def test_what_is_not_committed_is_gone_after_a_reset(vm: Vm, ending: str) -> None:
    """A forgotten commit shows: the value set before is back after any kind of new start."""
    vm.run(
        """
from esp32 import NVS
one = NVS("n")
one.set_i32("value", 1)
one.commit()
one.set_i32("value", 2)
one.set_blob("blob", b"never")
"""
    )
    assert nvs_reader.values(vm.partition(NVS)) == {("n", "value"): 1}
    if ending == "soft":
        vm.feed(b"\x04")
        vm.until(BANNER)
    elif ending == "power":
        vm.start("power_on")
    else:
        vm.send("import machine; machine.reset()")
        assert vm.until_end() == "reset"
        vm.start("soft_reset")
    said = vm.run("from esp32 import NVS; print(NVS('n').get_i32('value'))")
    assert said == "1\n"


def test_a_partition_that_nvs_cannot_open_is_erased_at_boot(tmp_path: Path) -> None:
    """With no free page left the port erases the whole partition without a word."""
    with Vm(tmp_path) as vm:
        for page in range(6):
            body = struct.pack("<IB", page, 0xFE) + b"\xff" * 19
            head = struct.pack("<I", 0xFFFFFFFC) + body + struct.pack("<I", nvs_reader.crc(body))
            vm.write_flash(0x9000 + page * 4096, head)
        vm.start()
        assert vm.partition(NVS) == b"\xff" * NVS[4]

"""Arguments as the port's C code takes them, where Python of ours stands in for it."""

from __future__ import annotations

from tests.virtual.vm_harness import Vm


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

"""Prints facts of the ESP32 port that the agent leans on; probe.exp is what a real board says.

On a board: `mpremote run tests/virtual/probe.py`, and compare. It leaves the NVS namespace
`probe` behind, empty.
"""
# ruff: noqa: T201

import os
import sys
import time
from errno import ECONNABORTED, ECONNRESET, EHOSTUNREACH, EINPROGRESS, ENOTCONN, ETIMEDOUT

import machine
import network
from esp32 import NVS, Partition


def outcome(function, *args):  # noqa: ANN001, ANN002, ANN201
    """Return what a call gives, or the arguments of its OSError."""
    try:
        return function(*args)
    except OSError as error:
        return error.args


print("platform", sys.platform, sys.implementation.name, os.uname()[0], sys.path)
print("machine", len(machine.unique_id()), len(machine.RTC().datetime()))
print(
    "causes",
    machine.PWRON_RESET,
    machine.HARD_RESET,
    machine.WDT_RESET,
    machine.DEEPSLEEP_RESET,
    machine.SOFT_RESET,
)
print("epoch", time.gmtime(0), time.mktime((2026, 11, 21, 10, 0, 0, 0, 0)))
print("ticks", time.ticks_add(2**30 - 1, 1), time.ticks_diff(0, 2**30 - 1))
print("errno", ETIMEDOUT, ECONNRESET, ECONNABORTED, EHOSTUNREACH, EINPROGRESS, ENOTCONN)
print(
    "wifi",
    network.STAT_IDLE,
    network.STAT_CONNECTING,
    network.STAT_GOT_IP,
    network.STAT_NO_AP_FOUND,
    network.STAT_WRONG_PASSWORD,
    network.STAT_BEACON_TIMEOUT,
)

nvs = NVS("probe")
nvs.set_i32("number", -503)
nvs.set_blob("blob", b"twelve bytes")
buffer = bytearray(b"-" * 14)
print("nvs", nvs, nvs.get_i32("number"), nvs.get_blob("blob", buffer), bytes(buffer))
print("length", nvs.get_blob("blob", bytearray(0)))
print("short", outcome(nvs.get_blob, "blob", bytearray(5)))
print("missing", outcome(nvs.get_i32, "nothing"), outcome(nvs.get_i32, "blob"))
print("key", outcome(nvs.set_i32, "k" * 16, 1))
print("blob key", outcome(nvs.set_blob, "k" * 16, b"x"))
nvs.set_blob("k" * 15, b"cut")
print("cut", nvs.get_blob("k" * 20, bytearray(3)))
for key in ("number", "blob", "k" * 15):
    nvs.erase_key(key)
nvs.commit()
print("erased", outcome(nvs.erase_key, "blob"))

found = Partition.find(Partition.TYPE_DATA, label="nvs")
print("partition", [part.info() for part in found], found[0])
print("blocks", found[0].ioctl(4, 0), found[0].ioctl(5, 0))
print("nowhere", Partition.find(Partition.TYPE_DATA, label="nowhere"))

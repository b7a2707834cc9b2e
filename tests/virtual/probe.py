"""Prints facts of the ESP32 port that programs lean on, one a line; probe.exp is what a chip says.

On a board: `mpremote soft-reset run tests/virtual/probe.py`, and compare. Every fact holds for each
official firmware from 1.23 on, on an ESP32 with stock or Startline's partition table: what differs
by version or by the size of the VM's objects stands in the book, and computed integers beyond 30
bits are left out, which a 32-bit VM keeps as other objects than literals.

It looks for Wi-Fi networks, uses pins 2, 4 and 5 and UART 1, and leaves the NVS namespace `probe`
and no file behind. Wi-Fi is off afterwards.
"""

import errno
import gc
import os
import select
import socket
import sys
import time
from array import array
from errno import ECONNABORTED, ECONNRESET, EHOSTUNREACH, EINPROGRESS, ENOTCONN, ETIMEDOUT

import esp
import esp32
import machine
import micropython
import network
import ntptime
from esp32 import NVS, Partition
from machine import RTC, UART, WDT, Pin, Timer


def fact(name, *values):
    """Print a fact."""
    print(name + ":", *values)


def of(function, *args, **named):
    """Return what a call gives, or its exception: an OSError's arguments, others' type alone."""
    try:
        return function(*args, **named)
    except OSError as error:
        return "OSError" + repr(error.args)
    except Exception as error:  # noqa: BLE001 - what kind it is, is the fact
        return type(error).__name__


def numbers(module, names):
    """Return the values of a module's constants."""
    return [getattr(module, name) for name in names.split()]


def probe_names():
    """What the firmware calls itself, and its numbers of errors."""
    fact("platform", sys.platform, sys.implementation[0], sys.byteorder)
    fact("path", sys.path)
    fact("uname", os.uname()[:2], len(os.uname()))
    fact("fixed", of(setattr, sys, "platform", "other"), of(errno.errorcode.clear))
    fact("errorcode", sorted(errno.errorcode.items()))
    fact("errno.NAME", errno.ETIMEDOUT, errno.ECONNRESET, errno.EINPROGRESS, errno.EOPNOTSUPP)
    fact("from errno", ETIMEDOUT, ECONNRESET, ECONNABORTED, EHOSTUNREACH, EINPROGRESS, ENOTCONN)


def probe_time():
    """The epoch, the calendar, ticks."""
    fact("epoch", time.gmtime(0), time.mktime((2000, 1, 1, 0, 0, 0, 0, 0)))
    fact("mktime", time.mktime((2026, 11, 21, 10, 0, 0, 0, 0)), of(time.mktime, (2026, 1, 1)))
    fact("gmtime", time.gmtime(848570400), time.gmtime(2147483647))
    fact("leap day", time.gmtime(time.mktime((2028, 2, 29, 23, 59, 59, 0, 0)) + 1))
    fact(
        "clock", isinstance(time.time(), int), time.time_ns() // 1000000000 - time.time() in (0, 1)
    )
    fact("ticks wrap", time.ticks_add(1073741823, 1), time.ticks_add(0, -1))
    fact("ticks far", time.ticks_diff(0, 1073741823), time.ticks_diff(536870912, 0))
    fact("ticks near", time.ticks_diff(time.ticks_add(5, 536870911), 5))
    fact("ticks over", of(time.ticks_add, 5, 536870912), of(time.ticks_add, 5, -536870912))
    begin = time.ticks_us()
    time.sleep_ms(20)
    fact("sleep_ms", time.ticks_diff(time.ticks_us(), begin) >= 20000)


def probe_memory():
    """The VM's own control."""
    heard = []
    fact("schedule", micropython.schedule(heard.append, 7))
    time.sleep_ms(20)
    fact("scheduled", heard)
    fact("exception buffer", micropython.alloc_emergency_exception_buf(100))
    failed = False
    micropython.heap_lock()
    try:
        bytearray(100)
    except MemoryError:
        failed = True
    micropython.heap_unlock()
    fact("heap", failed, gc.mem_free() > 0)


def probe_machine():
    """Resets, the RTC, the watchdog."""
    fact("causes", numbers(machine, "PWRON_RESET HARD_RESET WDT_RESET DEEPSLEEP_RESET SOFT_RESET"))
    fact(
        "wakes", numbers(machine, "PIN_WAKE EXT0_WAKE EXT1_WAKE TIMER_WAKE TOUCHPAD_WAKE ULP_WAKE")
    )
    fact("id", len(machine.unique_id()), machine.reset_cause() in (1, 2, 3, 4, 5))
    fact("freq", machine.freq(), of(machine.freq, 1))
    fact("rtc", len(RTC().datetime()), RTC().datetime()[0] >= 2000)
    kept = RTC().memory()
    RTC().memory(b"over a reset")
    fact("rtc memory", RTC().memory(), of(RTC().memory, bytes(2049)), len(RTC().memory()))
    RTC().memory(kept)
    fact("wdt", of(WDT, 1), of(WDT, timeout=0))


def probe_pins():
    """Pins, timers, a UART."""
    fact("pin modes", numbers(Pin, "IN OUT OPEN_DRAIN PULL_DOWN PULL_UP IRQ_RISING IRQ_FALLING"))
    fact("no pin", of(Pin, 24), of(Pin, 28), of(Pin, 40), of(Pin, -1), of(Pin, "LED"))
    fact("input only", of(Pin, 34, Pin.OUT), isinstance(Pin(34, Pin.IN), Pin))
    pin = Pin(2, Pin.OUT, value=1)
    levels = [pin.value()]
    pin.off()
    levels.append(pin.value())
    fact("pin", levels)
    fact(
        "one object",
        Pin(pin) is pin,
        Pin(2) is pin,
        Timer(1) is Timer(1),
        network.WLAN() is network.WLAN(0),
    )
    pin.init(Pin.IN)
    hits = []
    timer = Timer(0)
    timer.init(mode=Timer.ONE_SHOT, period=10, callback=hits.append)
    time.sleep_ms(100)
    fact("timer", hits == [timer])
    timer.init(freq=100, callback=hits.append)
    time.sleep_ms(100)
    timer.deinit()
    fact("periodic timer", len(hits) > 3)
    uart = UART(1, 9600, tx=4, rx=5)
    time.sleep_ms(20)
    uart.read()
    fact(
        "uart",
        uart.any(),
        uart.read(),
        uart.readline(),
        uart.readinto(bytearray(1)),
        uart.write(b"three"),
    )
    uart.deinit()
    fact("uart errors", of(UART, 3), of(UART, 1, bits=4, tx=4, rx=5))


def probe_nvs():
    """The namespace's ints and blobs, and their errors."""
    nvs = NVS("probe")
    nvs.set_i32("number", -503)
    nvs.set_blob("blob", b"twelve bytes")
    buffer = bytearray(b"-" * 14)
    fact("nvs", nvs, nvs.get_i32("number"))
    fact("blob", nvs.get_blob("blob", buffer), bytes(buffer))
    fact("blob length", nvs.get_blob("blob", bytearray(0)))
    fact("blob too long", of(nvs.get_blob, "blob", bytearray(5)))
    wide = array("I", [0, 0, 0])
    fact(
        "blob of bytes",
        nvs.get_blob("blob", wide),
        wide[0],
        of(nvs.get_blob, "blob", array("H", [0, 0])),
    )
    fact("missing", of(nvs.get_i32, "nothing"), of(nvs.get_blob, "nothing", buffer))
    fact("other type", of(nvs.get_i32, "blob"), of(nvs.get_blob, "number", buffer))
    fact("long key", of(nvs.set_i32, "k" * 16, 1), of(nvs.set_blob, "k" * 16, b"x"))
    fact("long namespace", of(NVS, "n" * 16))
    fact(
        "limits",
        of(nvs.set_i32, "number", -2147483648),
        nvs.get_i32("number"),
        of(nvs.set_i32, "number", 2147483648),
    )
    fact("no int", of(nvs.set_i32, "number", "1"), of(nvs.set_blob, "blob", 1))
    for key in ("number", "blob"):
        nvs.erase_key(key)
    fact("commit", nvs.commit(), of(nvs.erase_key, "blob"))


def probe_flash():
    """Partitions, flash, the heap beside MicroPython's."""
    found = Partition.find(Partition.TYPE_DATA, label="nvs")
    fact("partition", [part.info() for part in found], found[0])
    fact("blocks", found[0].ioctl(4, 0), found[0].ioctl(5, 0))
    fact(
        "running",
        Partition(Partition.RUNNING).info()[:3],
        of(Partition(Partition.RUNNING).get_next_update),
    )
    fact("nowhere", Partition.find(Partition.TYPE_DATA, label="nowhere"), of(Partition, "nowhere"))
    fact(
        "beyond",
        of(found[0].readblocks, 6, bytearray(1)),
        of(found[0].readblocks, 7, bytearray(1)),
    )
    fact("set_boot", of(found[0].set_boot))
    table = bytearray(2)
    esp.flash_read(0x8000, table)
    fact("flash", bytes(table), esp.flash_size() >> 20 in (2, 4, 8, 16), esp.flash_user_start())
    fact("heap kinds", esp32.HEAP_DATA, esp32.HEAP_EXEC, esp32.idf_heap_info(-1))
    regions = esp32.idf_heap_info(esp32.HEAP_DATA)
    fact(
        "heap regions",
        len(regions) >= 3,
        len(esp32.idf_heap_info(esp32.HEAP_EXEC)) >= 3,
        len(regions[0]),
    )
    fact(
        "wakes at",
        esp32.WAKEUP_ALL_LOW,
        esp32.WAKEUP_ANY_HIGH,
        isinstance(esp32.raw_temperature(), int),
    )


def probe_files():
    """The file system."""
    fact("statvfs", os.statvfs("/")[0], len(os.statvfs("/")))
    fact(
        "no file",
        of(open, "/probe.tmp"),
        of(os.remove, "/probe.tmp"),
        of(os.listdir, "/probe.tmp"),
    )
    os.mkdir("/probe.tmp")
    with open("/probe.tmp/file", "w") as file:
        fact("write", file.write("text\r\n"))
    stat = os.stat("/probe.tmp/file")
    fact("stat", len(stat), stat[0], stat[6], abs(stat[8] - time.time()) < 60)
    with open("/probe.tmp/file") as file:
        fact("read", file.read().encode())
    fact(
        "in the way",
        of(os.mkdir, "/probe.tmp"),
        of(os.rmdir, "/probe.tmp"),
        of(open, "/probe.tmp"),
    )
    os.remove("/probe.tmp/file")
    fact("removed", os.rmdir("/probe.tmp"), "probe.tmp" in os.listdir("/"))
    fact("random", len(os.urandom(4)))


def probe_radio():
    """Wi-Fi without a network; it takes some seconds."""
    fact(
        "wifi",
        numbers(
            network, "STAT_IDLE STAT_CONNECTING STAT_GOT_IP STAT_NO_AP_FOUND STAT_WRONG_PASSWORD"
        ),
    )
    fact(
        "wifi faults",
        numbers(network, "STAT_BEACON_TIMEOUT STAT_ASSOC_FAIL STAT_HANDSHAKE_TIMEOUT"),
    )
    fact("wifi modes", numbers(network, "STA_IF AP_IF MODE_11B MODE_11G MODE_11N"))
    fact(
        "wifi keys",
        numbers(
            network,
            "AUTH_OPEN AUTH_WEP AUTH_WPA_PSK AUTH_WPA2_PSK AUTH_WPA_WPA2_PSK AUTH_WPA3_PSK",
        ),
    )
    fact("names", network.hostname(), network.country())
    fact("no interface", of(network.WLAN, 7))
    wlan = network.WLAN(network.STA_IF)
    wlan.active(False)
    fact("radio off", wlan.active(), wlan.isconnected(), of(wlan.connect, "probe")[:7])
    fact("radio on", wlan.active(True), wlan.ifconfig()[0])
    fact("mac", len(wlan.config("mac")), wlan.config("mac") == machine.unique_id())
    fact(
        "config",
        wlan.config(reconnects=-1),
        wlan.config("reconnects"),
        of(wlan.config, "nothing"),
        of(wlan.config, nothing=1),
    )
    fact(
        "config wrong",
        of(wlan.config, "mac", "ssid"),
        of(wlan.config, "mac", reconnects=1),
        of(wlan.config, "hidden")[:7],
    )
    fact(
        "scan",
        [
            point
            for point in wlan.scan()
            if [type(part) for part in point] != [bytes, bytes, int, int, int, bool]
        ],
    )
    wlan.connect("no such network 7f3a", "a password")
    begin = time.ticks_ms()
    while (
        wlan.status() == network.STAT_CONNECTING
        and time.ticks_diff(time.ticks_ms(), begin) < 20000
    ):
        time.sleep_ms(50)
    fact("no network", wlan.status(), wlan.isconnected(), of(wlan.status, "nothing"))
    wlan.disconnect()


def probe_sockets():
    """Sockets and polls without a network."""
    fact("families", numbers(socket, "AF_INET AF_INET6 SOCK_STREAM SOCK_DGRAM SOCK_RAW"))
    fact(
        "options",
        numbers(
            socket,
            "IPPROTO_IP IPPROTO_TCP IPPROTO_UDP SOL_SOCKET SO_REUSEADDR SO_BROADCAST IP_ADD_MEMBERSHIP",
        ),
    )
    fact(
        "address",
        socket.getaddrinfo("10.1.2.3", 80)[0][-1],
        of(socket.getaddrinfo, "host.invalid", 80),
    )
    new = socket.socket()
    fact("new socket", of(new.recv, 1), of(new.read, 1), of(new.send, b"x"))
    new.close()
    new = socket.socket()
    fact("unreachable", of(new.connect, ("10.1.2.3", 80)))
    new.close()
    server = socket.socket()
    server.bind(("", 4080))
    server.listen(1)
    server.settimeout(0)
    fact("accept at once", of(server.accept))
    server.settimeout(0.2)
    fact("accept in time", of(server.accept))
    server.close()
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagram.bind(("", 4081))
    datagram.settimeout(0)
    fact("datagram at once", of(datagram.recvfrom, 10))
    datagram.settimeout(0.2)
    fact("datagram in time", of(datagram.recv, 10))
    poll = select.poll()
    poll.register(datagram, select.POLLIN)
    fact(
        "poll",
        numbers(select, "POLLIN POLLOUT POLLERR POLLHUP"),
        poll.poll(10),
        select.select([datagram], [], [], 0),
    )
    datagram.close()
    fact(
        "not an address",
        of(socket.socket().connect, "host"),
        of(socket.socket().connect, ("host",)),
    )
    fact("time server", ntptime.host, of(ntptime.time))


probe_names()
probe_time()
probe_memory()
probe_machine()
probe_pins()
probe_nvs()
probe_flash()
probe_files()
probe_radio()
probe_sockets()
network.WLAN(network.STA_IF).active(False)

"""Run by MicroPython: boots whose n-th call of the chip raises, for every n, in one process.

A world is what the flash holds when a boot begins: "blank" (an identity and no record), "bound",
or "unknown" (the cloud has bound the reader, and its answer was lost). `run` has `startline.main`
boot it once with the fault, and then without any until the reader rests, and notes what is not as
it must be.
"""

import json
import sys

import startline
import startline.chip  # it has to be there before its base is replaced
import startline.hal
from fake_chip import FakeChip, RamFlash

_NOW = 1795000000
_SERIAL = "DEVICE-123"
_BOOTS = 5
_PARTS = ("flash", "nvs", "wlan", "socket")
"""Methods whose results have methods that may raise as well."""


class FaultyCloud:
    """The cloud and the module `socket` that leads to it; one connection at a time."""

    SOCK_STREAM = 1

    def __init__(self, devices: list) -> None:
        self.devices = devices
        self.posts = 0
        self.told = False  # whether a token went out whole
        self.lose = False  # whether its answers get lost

    def getaddrinfo(self, host: str, port: int, *_) -> list:
        """Resolve any name."""
        return [(2, 1, 0, "", (host, port))]

    def socket(self, *_) -> "FaultyCloud":
        """Begin a connection."""
        self.asked = b""
        self.answer = b""
        return self

    def settimeout(self, seconds: float) -> None:
        """Take a time."""

    def connect(self, address: tuple) -> None:
        """Connect."""

    def close(self) -> None:
        """Close."""

    def write(self, data) -> int:
        """Take a piece of a request, and answer one that is whole."""
        self.asked += data
        head, blank, body = self.asked.partition(b"\r\n\r\n")
        if blank and head[:4] == b"POST" and body[-1:] == b"}":
            self.posts += 1
            fields = json.loads(body)
            token = "%064X" % (0xC0FFEE * (len(self.devices) + 7))
            self.devices.append((token, fields["firmware"], fields["serial_number"]))
            if not self.lose:
                self.say(b"201 Created", {"description": "Bound", "deviceid": token})
        elif blank and head[:4] == b"GET " and not self.lose:
            names = ("deviceid", "firmware", "serial_number")
            entries = [dict(zip(names, device)) for device in self.devices]  # noqa: B905
            self.say(b"200 OK", {"description": "Success", "result": entries})
        return len(data)

    def say(self, status: bytes, fields: dict) -> None:
        """Have an answer ready."""
        body = json.dumps(fields).encode()
        self.answer = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)

    def recv(self, count: int) -> bytes:
        """Give the next bytes of the answer."""
        data = self.answer[:count]
        self.answer = self.answer[count:]
        self.told = self.told or (data and not self.answer and self.asked[:4] == b"POST")
        return data


class FaultyTls:
    """The module `tls` and its context, without a cipher."""

    PROTOCOL_TLS_CLIENT = 0
    CERT_REQUIRED = 2

    def SSLContext(self, _protocol: int) -> "FaultyTls":  # noqa: N802 - the name that is looked for
        """Return the context."""
        return self

    def load_verify_locations(self, cadata: bytes) -> None:
        """Trust it."""

    def wrap_socket(self, stream, server_hostname: str):
        """Return the connection as it is."""
        return stream


class Fault:
    """Counts calls; the one of number `at` raises `error`, and if `lasting` the same ever after."""

    def __init__(self, at: int, error, lasting: bool = False) -> None:
        self.at = at
        self.error = error
        self.lasting = lasting
        self.names = []
        self.where = ""

    def count(self, name: str) -> None:
        """Count a call."""
        self.names.append(name)
        if len(self.names) - 1 == self.at:
            self.where = name
            raise self.error
        if self.lasting and name == self.where:
            raise self.error


class Faulty:
    """Something of a chip whose methods may raise, and what they return likewise."""

    def __init__(self, target, fault: Fault) -> None:
        self.target = target
        self.fault = fault

    def __getattr__(self, name: str):
        value = getattr(self.target, name)
        if not callable(value):
            return value

        def call(*args, **named):
            self.fault.count(name)
            result = value(*args, **named)
            if name == "full":
                return self
            return Faulty(result, self.fault) if name in _PARTS else result

        return call


class FaultyChip(FakeChip):
    """A chip over bytes that outlive it."""

    def crash_loop(self) -> bool:
        """Tell that this is no quick reset."""
        return False


class FaultyApp:
    """The module `app`."""

    device = None

    def main(self, device) -> None:
        """Note that it runs, and as what it knows itself."""
        self.device = device
        self.told = device.state + " " + device.reason + device.token + device.key


class FaultyBench:
    """One reader with its cloud, boot after boot."""

    def __init__(self, parts: dict, record: bytes, devices: list) -> None:
        self.parts = {label: bytearray(parts[label]) for label in parts}
        self.record = record
        self.cloud = FaultyCloud(list(devices))
        self.boots = 0

    def keep(self, record: bytes) -> None:
        """Take the record's blob."""
        self.record = record

    def boot(self, fault: Fault) -> FaultyApp:
        """Boot once."""
        self.boots += 1
        plan = {"ntp": _NOW + 1000 * self.boots, "cause": "reset"}
        parts = {label: RamFlash(self.parts[label]) for label in self.parts}
        chip = FaultyChip(parts, plan, self.record, self.keep)
        startline.hal.Hal = lambda: Faulty(chip, fault)
        sys.modules["socket"] = Faulty(self.cloud, fault)
        sys.modules["app"] = app = FaultyApp()
        startline.main()
        return app

    def rest(self) -> FaultyApp:
        """Boot without faults until the reader is bound, or has had its chances."""
        app = self.boot(Fault(-1, None))
        while app.device.state != "bound" and self.boots < _BOOTS:
            app = self.boot(Fault(-1, None))
        return app


def prepare(parts: dict, world: str) -> FaultyBench:
    """Return a reader as a world has it."""
    bench = FaultyBench(parts, b"", [])
    if world == "bound":
        bench.rest()
    elif world == "unknown":
        bench.cloud.lose = True
        bench.boot(Fault(-1, None))
        bench.cloud.lose = False
    return bench


def judge(world: str, bench: FaultyBench, first: "FaultyApp | None", interrupted: bool) -> str:
    """Return what is not as it must be after a boot with a fault and those behind it, or ""."""
    wrong = ""
    if (first is None) != interrupted or (first and first.device is None):
        wrong = "the app started, or not, as it should not"
    elif first and world != "blank" and first.device.state not in ("bound", "unknown"):
        wrong = "it took itself for " + first.told
    elif first and bench.cloud.told and first.device.state != "bound":
        wrong = "it lost the token that it had read: " + first.told
    if wrong:
        return wrong
    last = bench.rest()
    tokens = [device[0] for device in bench.cloud.devices]
    if last.device.state != "bound" or [last.device.token] != tokens:
        wrong = "it rests as %s, and the cloud has %s" % (last.told, tokens)
    elif bench.cloud.posts != (world == "blank"):
        wrong = "%d requests" % bench.cloud.posts
    return wrong


def run(path: str, world: str, kind: str, lasting: bool, one_in: int, first: int) -> None:
    """Have calls of a boot fail in turn, see `chosen`; print what came of it behind `END`."""
    with open(path) as file:
        paths = json.load(file)
    parts = {}
    for label in paths:
        with open(paths[label], "rb") as file:
            parts[label] = file.read()
    sys.modules["tls"] = FaultyTls()
    start = prepare(parts, world)
    errors = {
        "OSError": OSError(5, "EIO"),
        "ValueError": ValueError("fault"),
        "OverflowError": OverflowError("fault"),
        "MemoryError": MemoryError("fault"),
        "RuntimeError": RuntimeError("maximum recursion depth exceeded"),
        "KeyboardInterrupt": KeyboardInterrupt(),
    }
    plain = Fault(-1, None)
    FaultyBench(start.parts, start.record, start.cloud.devices).boot(plain)
    bad = []
    names = {}
    for at in chosen(plain.names, lasting, one_in, first):
        bench = FaultyBench(start.parts, start.record, start.cloud.devices)
        fault = Fault(at, errors[kind], lasting)
        app = None
        try:
            app = bench.boot(fault)
        except KeyboardInterrupt:
            pass
        wrong = judge(world, bench, app, kind == "KeyboardInterrupt")
        names[fault.where] = names.get(fault.where, 0) + 1
        if wrong:
            bad.append("call %d, %s: %s" % (at, fault.where, wrong))
    print("END " + json.dumps({"calls": len(plain.names), "names": names, "bad": bad}))


def chosen(names: list, lasting: bool, one_in: int, first: int) -> list:
    """Return which calls are to fail, of those that a boot makes.

    The first call of each name, and of all of them one in so many, from `first` on; of parts
    that fail for good the first call of each name, its last, and some between.
    """
    found = {names.index(name) for name in names}
    if not lasting:
        return sorted(found | set(range(first, len(names), one_in)))
    last = len(names) - 1
    found |= {last - list(reversed(names)).index(name) for name in names}
    return sorted(found | set(range(0, last, 20)))

"""Improv Serial on the device: what comes over the line, byte by byte, whatever it is."""

import os
import sys

import given
from race_chip import make_chip, race_device
from startline_improv import ImprovListener

with open(given.fctry, "rb") as file:
    FCTRY = file.read()

STATE, INFO, SCAN = b"\2\0", b"\3\0", b"\4\0"
MALFORMED, NO_COMMAND, UNABLE, FAILED = (2, b"\1"), (2, b"\2"), (2, b"\3"), (2, b"\xff")


class ImprovLine:
    """What a listener waits at: `feed(ms)` gives bytes by the time since boot; time goes by here."""

    def __init__(self, chip, feed):
        self.chip = chip
        self.feed = feed
        self.there = b""

    def poll(self, ms):
        """Let time go by until there is a byte."""
        if not self.there:
            self.chip.true_us += ms * 1000
            self.there = self.feed(self.chip.ms())
        return self.there

    def read(self, count):
        """Return a byte."""
        byte, self.there = self.there[:1], self.there[1:]
        return byte


class Heard(ImprovListener):
    """A listener whose line is a script, and what it sends a list of (type, data)."""

    def __init__(self, device, feed=lambda ms: b""):
        self.interrupts = []
        super().__init__(self.interrupts.append)
        self.input = ImprovLine(device.hal, feed)
        self.read = self.input.read
        self.sent = []
        self.boot = lambda hal: device
        self.chip = device.hal
        self.since = device.hal.since
        self.device = device
        self.busy = 0

    def send(self, kind, data):
        """Keep a packet."""
        self.sent.append((kind, bytes(data)))


class Store:
    """The namespace `net` of nvs."""

    def __init__(self, worn):
        self.values = {}
        self.worn = worn

    def set_blob(self, key, value):
        """Keep a value."""
        if self.worn:
            raise OSError(-4357)
        self.values[key] = value

    def commit(self):
        """Do nothing."""


def make(feed=lambda ms: b"", bound=False, worn=False, **plan):
    """Return a listener on a device that has a journal, and its store of settings."""
    chip = make_chip(FCTRY, plan=plan)
    store = Store(worn)
    chip.nvs = lambda namespace: store
    device = race_device(chip, bound)
    device.said = []
    device.print_line = device.said.append
    if not bound:
        device.state = "unbound"
    device.tried = 0

    def attempt(again):
        device.tried += 1
        device.state = "bound"

    device.attempt = attempt
    return Heard(device, feed), store


def packet(data, kind=3, version=1, off=0):
    """Return a packet as a client sends it."""
    raw = b"IMPROV" + bytes((version, kind, len(data))) + data
    return raw + bytes((sum(raw) + off & 255, 10))


def wifi(name, password):
    """Return the data of a command that sets the Wi-Fi."""
    data = bytes((len(name),)) + name + bytes((len(password),)) + password
    return bytes((1, len(data))) + data


def fed(one, raw):
    """Feed bytes; return what was sent for them."""
    del one.sent[:]
    for byte in raw:
        one.take(byte)
    return one.sent


def interrupted(one, raw):
    """Tell whether bytes end what runs, as Ctrl-C does."""
    try:
        fed(one, raw)
    except KeyboardInterrupt:
        return True
    return False


def test_what_is_no_command_is_named():
    """A wrong sum, a length that is not its own, and an unknown command have their errors."""
    one, _ = make()
    assert fed(one, packet(STATE)) == [(1, b"\2")]
    assert fed(one, packet(STATE, off=1)) == [MALFORMED]
    assert (
        fed(one, packet(b"\2\1"))
        == fed(one, packet(b"\2"))
        == fed(one, packet(b""))
        == [MALFORMED]
    )
    assert fed(one, packet(b"\5\0")) == fed(one, packet(b"\xff\0")) == [NO_COMMAND]
    for odd in (packet(STATE, kind=1), packet(STATE, version=2)):
        assert fed(one, odd) == []
    info = fed(one, packet(INFO))[0][1]
    assert b"\x09Startline" in info and b"DEVICE-123" in info
    assert not one.packet


def test_ctrl_c_is_one_outside_a_packet_only():
    """A 3 in a packet is data; anywhere else, and in a packet that does not end, it interrupts."""
    one, _ = make()
    for start in (b"", b"\r", b"I", b"IMPRO", b"IMPROX", b"xyz", packet(STATE), packet(b"\2\1")):
        one.packet = bytearray()
        assert interrupted(one, start + b"\3"), start
    for inside in (b"IMPROV", b"IIMPROV", b"IMPROV\1\3", b"IMPROV\1\3\3", b"IMPROV\1\3\x20\3\3"):
        one.packet = bytearray()
        assert not interrupted(one, inside + b"\3"), inside
    one.chip.true_us += 5001000
    assert interrupted(one, b"\3")


def test_nothing_that_comes_is_too_much():
    """Packets without an end, and noise with beginnings of packets, take a bounded room."""
    one, _ = make()
    assert fed(one, b"IMPROV\1\3\xff") == [MALFORMED]
    assert not one.packet
    pieces = (
        b"I",
        b"IMPROV",
        b"IMPROV\1\3",
        packet(STATE),
        packet(SCAN, off=9),
        b"\r\n",
        b"\x1e{}",
    )
    seed = 1
    for _ in range(3000):
        seed = seed * 1103515245 + 12345 & 0x3FFFFFFF
        raw = pieces[seed >> 8 & 7] if seed >> 8 & 7 < 7 else bytes((seed >> 16 & 255,)) * 40
        interrupted(one, raw)
        assert len(one.packet) <= 10 + 110
        assert all(sent in ((1, b"\2"), MALFORMED, NO_COMMAND) for sent in one.sent)


def test_a_network_of_any_bytes():
    """What is text is joined and stored byte for byte; what is none is refused, and nothing stored."""
    for name, password in (
        (b"v", b""), (b"n" * 32, b"p" * 63), ("Café №1 ".encode() * 2, b"12345678"), (b"x", b"0" * 64),
    ):  # fmt: skip
        one, store = make()
        fed(one, packet(wifi(name, password)))
        one.provision(one.command)
        assert one.sent == [(1, b"\3"), (1, b"\4"), (4, b"\1\0")], (name, one.sent)
        assert one.chip.station.asked == (name.decode(), password.decode())
        assert store.values == {"ssid": name, "password": password}
        assert one.device.tried == 1
    for name, password, error in (
        (b"", b"12345678", MALFORMED), (b"n" * 33, b"12345678", MALFORMED),
        (b"\xff\xfe" * 16, b"12345678", UNABLE), (bytes(range(32)), b"", UNABLE),
        (b"v", b"1234567", UNABLE), (b"v", b"0" * 65, UNABLE), (b"v", b"\xff" * 20, UNABLE),
        (b"v", b"a\x03b" * 5, UNABLE),
    ):  # fmt: skip
        one, store = make()
        before = dict(one.device.identity.values)
        fed(one, packet(wifi(name, password)))
        one.provision(one.command)
        assert error in one.sent, (name, password, one.sent)
        assert (store.values, one.device.tried) == ({}, 0)
        assert one.device.identity.values == before
    for cut in (b"\1\0", b"\1\1\5", b"\1\3\2ab", b"\1\4\2ab\1", b"\1\6\2ab\1xy"):
        one, store = make()
        fed(one, packet(cut))
        one.provision(one.command)
        assert (one.sent, store.values) == ([MALFORMED], {}), cut


def test_what_cannot_be_joined_or_kept_changes_nothing():
    """Without that network, or with a worn nvs, the settings stay as they were."""
    for plan, error in (({"wifi_status": 201}, UNABLE), ({"worn": True}, FAILED)):
        one, store = make(**plan)
        before = dict(one.device.identity.values)
        fed(one, packet(wifi(b"venue", b"12345678")))
        one.provision(one.command)
        assert one.sent == [(1, b"\3"), error, (1, b"\2")]
        assert one.device.identity.values == before
        assert (store.values, one.device.tried) == ({}, 0)


def test_a_scan_is_bounded():
    """The strongest 19 networks are named, each once, a hidden one never, and then an end."""
    one, _ = make()
    found = [(os.urandom(32), b"", 6, -30 - n, n & 1, False) for n in range(60)]
    found += [(b"twice", b"", 1, -90 + 80 * n, 0, False) for n in range(2)]
    found.append((b"", b"", 1, -1, 0, True))
    one.chip.station.scan = lambda: found
    one.scan(b"")
    names = [data[3 : 3 + data[2]] for _, data in one.sent[:-1]]
    assert names == [b"twice"] + [one[0] for one in found[:18]]
    assert one.sent[-1] == (4, b"\4\0")

    def busy():
        raise OSError("Wifi Internal Error")

    one.chip.station.scan = busy
    del one.sent[:]
    one.scan(b"")
    assert one.sent == [FAILED]


def served(feed=lambda ms: b"", **given):
    """Boot, until an app would start; return the listener and the seconds that it took."""
    one, _ = make(feed, **given)
    hal = one.chip
    del one.chip
    assert one.first_boot(hal) is one.device
    assert one.interrupts == [-1, 3]
    assert "full" not in hal.__dict__  # an app's own attempts do not listen
    return one, hal.ms() // 1000


def test_an_app_waits_10_seconds_and_no_longer_than_5_minutes():
    """Who never speaks delays it by 10 s, who speaks once by 60 s more, who never ends by 300 s."""
    assert served()[1] == 10
    assert served(bound=True)[1] == 10
    assert "startline_improv" not in sys.modules
    assert served(lambda ms: b"\r" if ms < 9000 else b"")[1] == 10
    once = [packet(STATE)]
    one, seconds = served(lambda ms: once.pop() if once and ms > 8000 else b"")
    assert (seconds, one.sent) == (68, [(1, b"\2")])
    assert served(lambda ms: b"IMPROV")[1] == 10
    assert served(lambda ms: packet(STATE))[1] == 300


def test_a_bound_device_listens_after_power_on_only():
    """A reset in the middle of a day delays the app of a bound reader by nothing."""
    one, seconds = served(bound=True, cause="reset")
    assert (seconds, one.device.said) == (0, [])
    assert served(cause="reset")[1] == 10


def test_nothing_listens_while_a_race_is_open():
    """After a power cut in the middle of a race the app goes on at once; after its end it waits."""
    chip = make_chip(FCTRY)
    race = race_device(chip).race()
    race.open("10 km")
    race.passing("E2801160600002054C3A1B2C")
    flash = chip.flash("race")

    def seconds():
        one, _ = make(bound=True)
        one.chip.parts["race"] = flash
        before = bytes(flash.data)
        one.serve(True)
        assert bytes(flash.data) == before
        return one.chip.ms() // 1000

    assert seconds() == 0
    race.close()
    assert seconds() == 10
    assert not {"startline_race.race", "startline_online"} & set(sys.modules)


def test_a_command_ends_an_attempt():
    """While an attempt waits its state is told; what takes long ends it, as if its time was over."""
    one, _ = make(
        lambda ms: (
            packet(STATE) + packet(INFO) if ms < 3000 else packet(SCAN) if ms < 3200 else b""
        )
    )
    hal, device = one.chip, one.device
    seen = []

    def boot(given):
        chip = given.full()
        start = chip.ms()
        while chip.since(start) < 90000:
            chip.sleep(50)
        seen.append((hal.ms() - start, list(one.sent), one.command))
        device.state = "bound"
        return device

    one.boot = boot
    one.busy = 2
    one.device = None
    one.first_boot(hal)
    passed, sent, command = seen[0]
    assert passed < 3300
    assert sent[0] == (1, b"\3")
    assert sent[1][1].endswith(b"\6Reader")  # who it is is not known yet
    assert command == SCAN


def test_settings_that_do_not_ask_for_it():
    """A provisioned device without the setting serves nobody; one that is nobody yet does."""
    one, _ = make()
    del one.device.identity.values["set.improv"]
    one.serve(True)
    assert (one.chip.ms(), one.interrupts) == (0, [-1, 3])
    one.device.identity.missing = ["factory.serial"]
    one.serve(True)
    assert one.chip.ms() // 1000 == 10


def test_the_cable_as_a_link_has_the_console():
    """A reader whose link is the cable does not listen."""
    one, _ = make()
    one.device.identity.values["net.link"] = "usb"
    one.serve(True)
    assert one.chip.ms() == 0

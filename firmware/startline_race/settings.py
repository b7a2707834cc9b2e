"""What a race goes by, out of what was provisioned: namespaces `race`, `tls`, `factory`."""

from hashlib import sha256

from startline.identity import open_reader
from startline.net.clock import MADE_AT
from startline.roles import find_cloud
from startline.settings import LOOK_PAUSE

if False:  # for mypy; a device has none of these
    from agent_types import Device, Identity, PassingsCloud

# Ranges, as in `startline.settings`, for both ends.
DEAD_TIME = (0, 0, 3600000)  # milliseconds
BATCH = (1, 100, 100)  # passings in a request
PORT = (0, 0, 65535)  # of the live port, 0 for none


class RaceSettings:
    """The settings of one device; what lies outside its range is changed, and told.

    `dead_us` is the dead time in microseconds, 0 for none; `best` has the strongest sighting within
    it count, otherwise the first does. `owner` are the 8 bytes that a journal names its device by.
    """

    def __init__(self, device: "Device") -> None:
        identity = device.identity
        chip = device.hal.full()
        identity.read_namespaces(identity.reader or open_reader(chip), ("tls", "race"))
        if not identity.stock:
            from startline.nvs.reader import NvsReader

            flash = chip.flash("nvs")
            identity.read_namespaces(NvsReader(flash.read, flash.size), ("net", "set", "race"))
        values = identity.values
        self.roots = [values.pop(name) for name in list(values) if name.startswith("tls.")]
        self._values = values
        self._emit = device.emit
        self.dead_us = self._number("race.dead_time", DEAD_TIME) * 1000
        self.best = self._number("race.best", (0, 0, 1))
        self.batch = self._number("race.batch", BATCH)
        self.mark = self._number("race.mark", (0, 1, 1))
        self.console = self._number("race.console", (0, 1, 1))
        self.port = self._number("race.port", PORT)
        self.look_pause = self._number("set.look_pause", LOOK_PAUSE) * 1000
        self.made_at = self._number("factory.made_at", (0, 0, MADE_AT[2]))
        self.servers = identity.text("race.servers") or identity.text("net.ntp")
        self.known = bool(find_cloud(identity.cloud))
        self.cloud = find_passings(identity.cloud) if self.known else None
        self.owner = owner_of(identity)

    def _number(self, name: str, limits: tuple[int, int, int]) -> int:
        value = self._values.get(name, limits[1])
        # As `clamp` of the core's settings, which a bound boot has no other use for.
        least, usual, most = limits
        nearest = min(max(value, least), most) if isinstance(value, int) else usual
        if nearest != value:
            self._emit("warning", {"what": "out_of_range " + name})
        return nearest


def owner_of(identity: "Identity") -> bytes:
    """Return the 8 bytes that a journal names its device by."""
    return sha256(identity.serial.encode() + b"\0" + identity.mac).digest()[:8]


def find_passings(name: str) -> "PassingsCloud | None":
    """Return the module of a cloud that the agent knows, or None where it takes no passings."""
    try:
        return __import__("startline_race.clouds." + name, None, None, ("passing",))
    except ImportError:
        return None

"""Who this device is and where it belongs: texts and numbers that the host wrote once."""

from hashlib import sha256

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import AnyChip, NvsEntries


class Identity:
    """What was provisioned. `missing` and `damaged` name fields as "namespace.key".

    `stock` says that the device keeps its stock partition table and all of this lies in `nvs`.
    `reader` reads more of it, as long as it is kept.
    """

    def __init__(self, hal: "AnyChip") -> None:
        self.mac = hal.mac()
        self.stock = not hal.flash("fctry")
        self.values: dict[str, Any] = {}
        self.reader: "NvsEntries | None"
        self.reader = reader = open_reader(hal)
        self.read_namespaces(reader, ("factory", "claim", "run", "net", "set"))
        self.damaged = reader.damaged
        self.serial = self.text("factory.serial")
        self.model = self.text("factory.model")
        self.cloud = self.text("claim.cloud")
        self.base_url = self.text("claim.base_url").rstrip("/")
        self.place = sha256(self.base_url.encode()).digest()[:8]
        needed = ("factory.serial", "factory.model", "claim.cloud", "claim.base_url")
        self.missing = [name for name in needed if not self.text(name)]

    def read_namespaces(self, reader: "Any", namespaces: tuple[str, ...]) -> None:
        """Take over what a partition says under these namespaces."""
        for namespace, key, place in reader:
            if namespace in namespaces:
                name = namespace + "." + key
                value = reader.value(place)
                if place[1][1] == 0x42:  # one chunk of a blob
                    value = self.values.get(name, b"") + (value or b"")
                self.values[name] = value

    def text(self, name: str) -> str:
        """Return a text of at most 200 bytes (64 in `factory`); "" for none, or an unfit one."""
        value: Any = self.values.get(name, "")
        try:
            if isinstance(value, bytes):
                value = str(value, "utf-8")
            if len(value.encode()) > (64 if name.startswith("factory") else 200):
                return ""
        except (UnicodeError, AttributeError):
            return ""
        for char in value:
            if char < " " or "\x7f" <= char < "\xa0":
                return ""
        return value


def open_reader(hal: "AnyChip") -> "NvsEntries":
    """Return a reader of what was provisioned: of `fctry`, or of `nvs` on a stock partition table."""
    flash = hal.flash("fctry")
    if flash:
        from .nvs import NvsEntries as Reader
    else:
        from .nvs.reader import NvsReader as Reader

        flash = hal.flash("nvs")
    return Reader(flash.read, flash.size)

"""What the port has and the virtual chip has not: the name is there, and says so when it is used."""


def refuse(name: str, why: str = "") -> None:
    """Raise NotImplementedError for what the port has and the virtual chip has not."""
    raise NotImplementedError(name + " is not imitated by the virtual ESP32" + why)


class NotImitated:
    """A function or class that raises NotImplementedError for any use, or a module of such."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return "<%s, not imitated>" % self._name

    def __call__(self, *arguments, **named):
        refuse(self._name)

    def __getattr__(self, name: str):
        if name[:2] == "__":
            raise AttributeError(name)
        if "." in self._name:
            refuse(self._name + "." + name)
        return NotImitated(self._name + "." + name)

    def __getitem__(self, _index):
        refuse(self._name)

    def __setitem__(self, _index, _value) -> None:
        refuse(self._name)


def add_to(namespace: dict, module: str, names: tuple) -> None:
    """Put such names into a module's namespace."""
    for name in names:
        namespace[name] = NotImitated(module + "." + name)


MODULES = (
    "_espnow",
    "_onewire",
    "_webrepl",
    "apa106",
    "aioespnow",
    "bluetooth",
    "btree",
    "dht",
    "ds18x20",
    "espnow",
    "flashbdev",
    "inisetup",
    "neopixel",
    "onewire",
    "webrepl",
)
"""Whole modules of the port's firmware, built in or frozen."""

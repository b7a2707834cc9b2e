"""`WLAN.config`: the keys of the port, and which interface has them (ports/esp32/network_wlan.c)."""

from ..buffers import c_int as _c_int
from ..buffers import text_data as _text_data
from ..chip import current as _current

_NAMES = {"essid": "ssid", "authmode": "security", "password": "key", "dhcp_hostname": "hostname"}
"""Older names of keys."""

_READ = {
    "mac": "", "ssid": "", "hidden": "AP", "security": "AP", "channel": "", "bandwidth": "",
    "ifname": "", "hostname": "STA", "max_clients": "", "reconnects": "STA", "txpower": "",
    "protocol": "", "pm": "",
}  # fmt: skip
_WRITE = {
    "mac": "", "ssid": "AP", "hidden": "AP", "security": "AP", "key": "AP", "channel": "",
    "bandwidth": "", "hostname": "", "max_clients": "AP", "reconnects": "STA", "txpower": "",
    "protocol": "", "pm": "",
}  # fmt: skip
"""The interface that a key needs; none for both."""

_MAX_SSID = 32


class WlanConfig:
    """The settings of one interface; `hostname(*name)` gets or sets the device's name."""

    def __init__(self, is_station: bool, hostname) -> None:
        self._is_station = is_station
        self._hostname = hostname
        mac = _current().mac
        self._values = {
            "mac": mac if is_station else mac[:5] + bytes((mac[5] + 1 & 255,)),
            "ssid": "ESP_" + mac[3:5].hex().upper() + "%02X" % (mac[5] + 1 & 255),
            "hidden": False,
            "security": 0,
            "key": "",
            "channel": 1 if is_station else 11,
            "bandwidth": 2,
            "ifname": "st1" if is_station else "ap2",
            "max_clients": 0 if is_station else 4,
            "txpower": 20.0,
            "protocol": 7,
            "pm": 1,
        }

    def get(self, name: str):
        """Return a setting. Raises ValueError for an unknown one, OSError for the other interface's."""
        name = self._checked(name, _READ)
        station = _current().station
        if name == "ssid" and self._is_station:
            return station.ssid.decode()
        if name == "reconnects":
            return station.reconnects
        if name == "hostname":
            return self._hostname()
        return self._values[name]

    def set(self, name: str, value) -> None:
        """Change a setting; raises as `get` does, and for a value that cannot be one."""
        name = self._checked(name, _WRITE)
        if name == "reconnects":
            _current().station.reconnects = _c_int(value)
        elif name == "hostname":
            self._hostname(value)
        elif name == "mac":
            if len(value) != 6:
                raise ValueError("invalid buffer length")
            self._values[name] = bytes(value)
        elif name == "ssid":
            self._values[name] = _text_data(value)[:_MAX_SSID].decode()
        elif name == "hidden":
            self._values[name] = bool(value)
        elif name == "txpower":
            self._values[name] = int(value * 4) / 4
        elif name == "key":
            self._values[name] = value
        else:
            self._values[name] = _c_int(value)

    def _checked(self, name: str, keys: dict) -> str:
        name = _NAMES.get(name, name)
        if name not in keys:
            raise ValueError("unknown config param")
        if keys[name] not in ("", "STA" if self._is_station else "AP"):
            raise OSError(keys[name] + " required")
        return name

"""`network`: the radio's station and access point interfaces."""

from .. import wifi as _wifi
from ..chip import current as _current
from ..peripherals import only as _only
from .not_imitated import add_to as _add_to
from .time import sleep_ms as _sleep_ms

STA_IF = 0
AP_IF = 1
STAT_IDLE = _wifi.IDLE
STAT_CONNECTING = _wifi.CONNECTING
STAT_GOT_IP = _wifi.GOT_IP
STAT_BEACON_TIMEOUT = _wifi.BEACON_TIMEOUT
STAT_NO_AP_FOUND = _wifi.NO_AP_FOUND
STAT_WRONG_PASSWORD = _wifi.WRONG_PASSWORD
STAT_ASSOC_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
MODE_11B = 1
MODE_11G = 2
MODE_11N = 4
AUTH_OPEN = 0
AUTH_WEP = 1
AUTH_WPA_PSK = 2
AUTH_WPA2_PSK = 3
AUTH_WPA_WPA2_PSK = 4
AUTH_WPA2_ENTERPRISE = 5
AUTH_WPA3_PSK = 6
AUTH_WPA2_WPA3_PSK = 7
AUTH_WAPI_PSK = 8
AUTH_OWE = 9
AUTH_WPA3_ENT_192 = 10
AUTH_WPA3_EXT_PSK = 11
AUTH_WPA3_EXT_PSK_MIXED_MODE = 12

_ADDRESS = "10.0.0.2"
_ROUTER = "10.0.0.1"
_NETMASK = "255.255.255.0"
_NONE = "0.0.0.0"


def hostname(*name) -> str:
    """Return or set the name that the station gives to DHCP."""
    if name:
        _current().station.hostname = name[0]
    return _current().station.hostname


def country(*code) -> str:
    """Return a country code; none is kept."""
    return code[0] if code else "XX"


class WLAN:
    """One interface. The access point can be switched on, and no one ever joins it."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    SEC_OPEN = AUTH_OPEN
    SEC_WPA2 = AUTH_WPA2_PSK
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    def __new__(cls, interface: int = STA_IF):
        return _only(cls, interface)

    def __init__(self, interface: int = STA_IF) -> None:
        if interface not in (STA_IF, AP_IF):
            raise ValueError("invalid WLAN interface identifier")
        self._is_station = interface == STA_IF
        self._station = _current().station
        self._ap_active = getattr(self, "_ap_active", False)

    def active(self, *on) -> bool:
        """Return whether the interface is on, or switch it."""
        if not self._is_station:
            self._ap_active = bool(on[0]) if on else self._ap_active
            return self._ap_active
        if on:
            self._station.active = bool(on[0])
            if not on[0]:
                self._station.leave()
        return self._station.active

    def connect(self, ssid=None, key=None, *, bssid=None) -> None:
        """Start to join. Raises OSError when the radio is off or busy with another join."""
        self._need_station()
        if not self._station.active:
            raise OSError("Wifi Not Started")
        if self._station.is_busy():
            raise OSError("Wifi Internal State Error")
        if ssid is None:
            ssid, key = self._station.ssid, self._station.key
        self._station.join(_text(ssid), _text(key or ""))

    def disconnect(self) -> None:
        """Leave. Raises OSError when the radio is off."""
        self._need_station()
        if not self._station.active:
            raise OSError("Wifi Not Started")
        self._station.leave()

    def isconnected(self) -> bool:
        """Tell whether there is an address."""
        _current().console.check()
        return self._is_station and self._station.is_connected()

    def status(self, *what):
        """Return the state of the join, or the signal's strength for "rssi"."""
        _current().console.check()
        if not what:
            return self._station.status() if self._is_station else None
        if what[0] == "rssi":
            self._need_station()
            if not self._station.is_associated():
                raise OSError("Wifi Not Connected")
            return -40
        if what[0] == "stations":
            return []
        raise ValueError("unknown status param")

    def scan(self) -> list:
        """Return (ssid, bssid, channel, RSSI, security, hidden) of each access point."""
        if not self._station.active:
            raise OSError("STA must be active")
        _sleep_ms(20)
        return [
            (
                name.encode(),
                b"\x02\0\0\0\0\x01",
                6,
                -40,
                AUTH_WPA2_PSK if point.get("password") else AUTH_OPEN,
                False,
            )
            for name, point in self._station.points().items()
        ]

    def ifconfig(self, *settings):
        """Return (address, netmask, gateway, DNS server)."""
        if settings:
            return None
        if self.isconnected():
            return _ADDRESS, _NETMASK, _ROUTER, _ROUTER
        return _NONE, _NONE, _NONE, _NONE

    def ipconfig(self, *what, **settings):
        """Return one setting: "addr4" (address, netmask), "gw4", "dhcp4", "has_dhcp4"."""
        if settings or not what:
            return None
        address, netmask, router, _ = self.ifconfig()
        values = {
            "addr4": (address, netmask),
            "gw4": router,
            "dhcp4": True,
            "has_dhcp4": self.isconnected(),
            "addr6": [],
        }
        if what[0] not in values:
            raise ValueError("unexpected key")
        return values[what[0]]

    def config(self, *what, **settings):
        """Return one setting, or change settings that matter here; the rest is accepted."""
        if what and settings:
            raise TypeError("either pos or kw args are allowed")
        for name, value in settings.items():
            self._set(name, value)
        if settings:
            return None
        if len(what) != 1:
            raise TypeError("can query only one param")
        return self._get(what[0])

    def _set(self, name: str, value) -> None:
        if name == "reconnects":
            self._station.reconnects = value
        elif name in ("dhcp_hostname", "hostname"):
            hostname(value)
        elif name not in _SETTINGS:
            raise ValueError("unknown config param")

    def _get(self, name: str):
        if name in _OF_ACCESS_POINT and self._is_station:
            raise OSError("AP required")
        if name == "mac":
            mac = _current().mac
            return mac if self._is_station else mac[:5] + bytes((mac[5] + 1 & 255,))
        if name in ("ssid", "essid"):
            return self._station.ssid if self._is_station else "ESP_" + _current().mac[3:].hex()
        if name == "reconnects":
            return self._station.reconnects
        if name in ("dhcp_hostname", "hostname"):
            return hostname()
        if name not in _SETTINGS:
            raise ValueError("unknown config param")
        return _SETTINGS[name]

    def _need_station(self) -> None:
        if not self._is_station:
            raise OSError("STA required")


_OF_ACCESS_POINT = ("hidden", "security", "authmode")
_SETTINGS = {
    "channel": 6,
    "pm": 1,
    "txpower": 20.0,
    "protocol": 7,
    "hidden": False,
    "security": AUTH_OPEN,
    "authmode": AUTH_OPEN,
    "max_clients": 10,
    "ssid": "",
    "essid": "",
    "key": "",
    "password": "",
    "mac": b"",
}


def _text(value) -> str:
    return value if isinstance(value, str) else value.decode()


_add_to(globals(), "network", ("LAN", "PPP"))

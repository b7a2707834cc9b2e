"""`network`: the radio's station and access point interfaces."""

from .. import wifi_station as _wifi
from ..buffers import c_int as _c_int
from ..buffers import c_text as _c_text
from ..buffers import text_data as _text_data
from ..chip import current as _current
from ..peripherals import only as _only
from . import ip_config as _ip
from .not_imitated import add_to as _add_to
from .time import sleep_ms as _sleep_ms
from .wlan_config import WlanConfig as _Config

STA_IF = 0
AP_IF = 1
STAT_IDLE = _wifi.IDLE
STAT_CONNECTING = _wifi.CONNECTING
STAT_GOT_IP = _wifi.GOT_IP
STAT_BEACON_TIMEOUT = _wifi.BEACON_TIMEOUT
STAT_NO_AP_FOUND = _wifi.NO_AP_FOUND
STAT_WRONG_PASSWORD = _wifi.WRONG_PASSWORD
STAT_ASSOC_FAIL = STAT_CONNECT_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
STAT_NO_AP_FOUND_W_COMPATIBLE_SECURITY = 210
STAT_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD = 211
STAT_NO_AP_FOUND_IN_RSSI_THRESHOLD = 212
MODE_11B = 1
MODE_11G = 2
MODE_11N = 4
MODE_LR = 8
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

_MAX_HOSTNAME = 32


class _Country:
    code = "XX"


def hostname(*name):
    """Return or set the name that the station gives to DHCP. Raises ValueError for a long one."""
    if not name:
        return _current().station.hostname
    given = _c_text(name[0]).decode()
    if len(given.encode()) > _MAX_HOSTNAME:
        raise ValueError
    _current().station.hostname = given
    return None


def country(*code):
    """Return or set the country's code of two letters."""
    if not code:
        return _Country.code
    given = _c_text(code[0]).decode()
    if len(given) != 2:
        raise ValueError
    _Country.code = given
    return None


def ipconfig(*what, **settings):
    """Return or set what all interfaces share: the name server, "dns"."""
    if settings and what:
        raise TypeError("can't specify pos and kw args")
    if not settings and len(what) != 1:
        raise TypeError("must query one param")
    for name in list(settings) + list(what):
        if name != "dns":
            raise ValueError("unexpected key")
    if what:
        return _ip.dns(_current().station.is_connected())
    _ip.set_dns(settings["dns"])
    return None


class WLAN:
    """One interface. The access point can be switched on, and no one ever joins it."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    SEC_OPEN = AUTH_OPEN
    SEC_WEP = AUTH_WEP
    SEC_WPA = AUTH_WPA_PSK
    SEC_WPA2 = AUTH_WPA2_PSK
    SEC_WPA_WPA2 = AUTH_WPA_WPA2_PSK
    SEC_WPA2_ENT = AUTH_WPA2_ENTERPRISE
    SEC_WPA3 = AUTH_WPA3_PSK
    SEC_WPA2_WPA3 = AUTH_WPA2_WPA3_PSK
    SEC_WAPI = AUTH_WAPI_PSK
    SEC_OWE = AUTH_OWE
    SEC_WPA3_ENT_192 = AUTH_WPA3_ENT_192
    SEC_WPA3_EXT_PSK = AUTH_WPA3_EXT_PSK
    SEC_WPA3_EXT_PSK_MIXED_MODE = AUTH_WPA3_EXT_PSK_MIXED_MODE
    SEC_DPP = 13
    SEC_WPA3_ENT = 14
    SEC_WPA2_WPA3_ENT = 15
    SEC_WPA_ENT = 16
    PROTOCOL_DEFAULT = 7
    PROTOCOL_LR = 8
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2
    BANDWIDTH_20 = 1
    BANDWIDTH_40 = 2
    BANDWIDTH_80 = 3
    BANDWIDTH_160 = 4
    BANDWIDTH_80_80 = 5

    def __new__(cls, interface: int = STA_IF):
        return _only(cls, _c_int(interface))

    def __init__(self, interface: int = STA_IF) -> None:
        if interface not in (STA_IF, AP_IF):
            raise ValueError("invalid WLAN interface identifier")
        if hasattr(self, "_station"):
            return
        self._is_station = interface == STA_IF
        self._station = _current().station
        self._ap_active = False
        self._config = _Config(self._is_station, hostname)
        self._addresses = _ip.IpAddresses(self._is_station, self.isconnected)

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
        if bssid is not None and len(_text_data(bssid)) != 6:
            raise ValueError
        self._station.join(_text_data(ssid)[:32], _text_data(b"" if key is None else key)[:64])

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
            if self._is_station:
                raise OSError("AP required")
            return []
        raise ValueError("unknown status param")

    def scan(self) -> list:
        """Return (ssid, bssid, channel, RSSI, security, hidden) of each access point."""
        if not self._station.active:
            raise OSError("STA must be active")
        _sleep_ms(_wifi.SCAN_MS)
        return [
            (
                name,
                b"\x02\0\0\0\0\x01",
                6,
                -40,
                AUTH_WPA2_PSK if point.get("password") else AUTH_OPEN,
                False,
            )
            for name, point in self._station.points().items()
        ]

    def ifconfig(self, *settings):
        """Return or set (address, netmask, gateway, DNS server); "dhcp" asks for them again."""
        return self._addresses.set(settings[0]) if settings else self._addresses.tell()

    def ipconfig(self, *what, **settings):
        """Return or set "addr4" (address, netmask), "gw4" or "dhcp4"."""
        if settings and what:
            raise TypeError("can't specify pos and kw args")
        for name, value in settings.items():
            self._addresses.put(name, value)
        if settings:
            return None
        if len(what) != 1:
            raise TypeError("must query one param")
        return self._addresses.get(what[0])

    def config(self, *what, **settings):
        """Return one setting, or change settings (see `wlan_config`)."""
        if what and settings:
            raise TypeError("either pos or kw args are allowed")
        for name, value in settings.items():
            self._config.set(name, value)
        if settings:
            return None
        if len(what) != 1:
            raise TypeError("can query only one param")
        return self._config.get(what[0])

    def _need_station(self) -> None:
        if not self._is_station:
            raise OSError("STA required")


_add_to(globals(), "network", ("LAN", "PPP", "phy_mode"))

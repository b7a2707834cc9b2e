"""The factory partition: settings and one unit's identity as NVS entries, and their image."""

from __future__ import annotations

from typing import Literal

import msgspec
from startline.roles import find_cloud
from startline.settings import BOOT_LIMIT, LOOK_PAUSE, MADE_AT
from startline_race.settings import BATCH, DEAD_TIME, PORT

from startline_host.boards import Led
from startline_host.errors import BadInput
from startline_host.formats.cloud_url import parse_url
from startline_host.formats.nvs_image import Kind, NvsEntry, make_nvs_image
from startline_host.formats.partitions import FCTRY_SIZE
from startline_host.formats.units import FIELDS, Unit, check_text
from startline_host.formats.wifi import check_password, check_ssid
from startline_host.secrets import Secret

#: `run.key` that means: keep the claim key for the application.
SAME_KEY = "same"
#: Numbers that `set.led` may have: a pin, and whether a low level lights the LED.
_LEDS = 256
#: The numbers that have a range: (lowest, what a device goes by without one, highest), and the unit.
RANGES = {
    "set.boot_limit": (BOOT_LIMIT, "seconds"),
    "set.look_pause": (LOOK_PAUSE, "seconds"),
    "factory.made_at": (MADE_AT, "Unix seconds"),
    "race.dead_time": (DEAD_TIME, "milliseconds"),
    "race.batch": (BATCH, "passings"),
    "race.port": (PORT, "TCP port"),
}

#: What the secrets of `[claim]` are called, and what they are for a person. These two are what the
#: agent scrubs once it is bound, so a cloud's secret has one of these names.
CLAIM_SECRETS = {"key": "claim key", "auth": "Authorization value"}


class ClaimSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and as whom a device is bound; a cloud's file adds fields of its own.

    They are texts, choices out of a few, switches, or secrets named in `CLAIM_SECRETS`; one that
    has its default is not told to the device. A `name` gives way to the unit's own.
    """

    cloud: str
    base_url: str
    key: Secret | None = None

    def __post_init__(self) -> None:
        # Both ends go by the normal form: it is made here, and a device never sees another.
        msgspec.structs.force_setattr(self, "base_url", str(parse_url(self.base_url)))

    def check(self) -> None:
        """Raise BadInput for a field that is missing, or that no device could use."""
        needed = [name.partition(".") for name in needed_of(self.cloud)]
        missing = [
            f"claim.{field}"
            for space, _, field in needed
            if space == "claim" and not getattr(self, field, None)
        ]
        if missing:
            raise BadInput(f"The cloud {self.cloud!r} needs {', '.join(missing)}.")
        for name, value in self.own_fields():
            if isinstance(value, Secret):
                _check_key(value, f"claim.{name}")
            elif isinstance(value, str):
                check_text(value, f"claim.{name}", limit=128)

    def own_fields(self) -> list[tuple[str, str | bool | Secret]]:
        """Return the cloud's fields that differ from their defaults, with their values."""
        fields = msgspec.structs.fields(self)
        values = [(field.name, getattr(self, field.name), field.default) for field in fields]
        own = [one for one in values if one[0] not in {"cloud", "base_url"}]
        return [(name, value) for name, value, default in own if value != default]

    @property
    def secrets(self) -> list[Secret]:
        """The secrets that are given."""
        return [value for _, value in self.own_fields() if isinstance(value, Secret)]


class RunSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the application gets once bound: no key, one of its own, or Secret("same")."""

    key: Secret | None = None


class NetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The link to the network; without an ssid the venue sets it later."""

    link: Literal["wifi", "usb"] = "wifi"
    ssid: str = ""
    password: Secret | None = None
    ntp: tuple[str, ...] = ()


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to two CA certificates, DER."""

    ca: tuple[bytes, ...] = ()


class OptionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Switches; None leaves the device's own default. `boot_limit`, `look_pause` in seconds.

    `led` is a pin's number, plus 128 where a low level lights the LED; False is no LED, whatever
    the board has, and None the board's. `improv` lets a browser set up the Wi-Fi.
    """

    insecure_http: bool | None = None
    mark: bool | None = None
    boot_limit: int | None = None
    look_pause: int | None = None
    led: int | bool | None = None
    improv: bool | None = None


class RacingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the race role times; None leaves the device's own default.

    Within `dead_time` milliseconds, repeats of one chip are one passing: the first, or with `best`
    the one with the strongest signal. `batch` is the most passings in a request, `mark` whether
    a session's alias carries the mark it is found by, `servers` are time servers, as `net.ntp`.
    `console` off leaves what comes over the console to the reader's own program. On the TCP port
    `port` timing software reads the passings; 0 is none.
    """

    dead_time: int | None = None
    best: bool | None = None
    batch: int | None = None
    mark: bool | None = None
    console: bool | None = None
    port: int | None = None
    servers: tuple[str, ...] = ()


class DeviceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the units of a batch share; checked when made, raises BadInput."""

    claim: ClaimSettings
    net: NetSettings | None = None
    tls: TlsSettings = TlsSettings()
    run: RunSettings = RunSettings()
    set: OptionSettings = OptionSettings()
    race: RacingSettings | None = None

    def __post_init__(self) -> None:
        self.claim.check()
        _check_transport(self)
        if self.net is not None:
            check_net(self.net)
        if self.run.key is not None:
            _check_key(self.run.key, "run.key")
        check_options(self.set)
        if self.race is not None:
            check_racing(self.race)


def needed_of(cloud: str) -> tuple[str, ...]:
    """Return what a cloud needs to be told, as "namespace.key", by the agent's own module for it.

    Raises BadInput for a cloud that the agent does not know.
    """
    module = find_cloud(cloud)
    if module is None:
        raise BadInput(f"claim.cloud is {cloud!r}, and the agent has no module of that name.")
    return tuple(module.NEEDED)


def _check_key(key: Secret, what: str) -> None:
    text = key.reveal()
    if not 1 <= len(text) <= 128 or not text.isascii() or not text.isprintable():
        raise BadInput(f"{what} is not 1 to 128 printable ASCII characters.")
    if text != text.strip():
        raise BadInput(f"{what} begins or ends with a space.")


def _check_transport(settings: DeviceSettings) -> None:
    url = settings.claim.base_url
    scheme = parse_url(url).scheme
    if scheme == "http" and not settings.set.insecure_http:
        raise BadInput(
            f"claim.base_url {url!r} is plain http: the key would be sent unencrypted.",
            "Use https, or, on a bench only, set insecure_http = true in [set].",
        )
    if scheme == "https" and not settings.tls.ca:
        raise BadInput(
            "tls.ca is missing: without a CA certificate no https server can be trusted.",
            'Name the file of the CA that signs the cloud\'s certificate: [tls] ca = "ca.pem".',
        )
    if len(settings.tls.ca) > 2:
        raise BadInput(
            f"tls.ca holds {len(settings.tls.ca)} certificates; a device takes at most two."
        )


def check_options(options: OptionSettings) -> None:
    """Raise BadInput for an option that a device could not go by."""
    _check_ranges("set", options)
    led = options.led
    if led is True or (led is not None and not 0 <= led < _LEDS):
        raise BadInput(
            f"set.led is {str(led).lower()}; it must be the number of a pin, plus 128 where a low level "
            "lights the LED, or false for none."
        )


def check_racing(racing: RacingSettings) -> None:
    """Raise BadInput for a setting of the race that a device could not go by."""
    _check_ranges("race", racing)
    _check_hosts(racing.servers, "race.servers")


def _check_ranges(namespace: str, settings: OptionSettings | RacingSettings) -> None:
    for name, ((low, usual, high), unit) in RANGES.items():
        section, _, key = name.partition(".")
        value = getattr(settings, key) if section == namespace else None
        if value is not None and not low <= value <= high:
            what = f"number of {unit}" if unit.endswith("s") else unit
            raise BadInput(
                f"{name} is {value}; it must be a {what} from {low} to {high}.",
                f"Leave it out for the default, {usual}.",
            )


def with_led(settings: DeviceSettings, led: Led | None) -> DeviceSettings:
    """Return the settings with a board's LED, unless they say something of one themselves."""
    if led is None or settings.set.led is not None:
        return settings
    options = msgspec.structs.replace(settings.set, led=led.setting)
    return msgspec.structs.replace(settings, set=options)


def check_net(net: NetSettings) -> None:
    """Raise BadInput for a link that no device could use."""
    if net.ssid or net.link == "wifi":
        check_ssid(net.ssid)
    if net.password is not None:
        check_password(net.password)
    _check_hosts(net.ntp, "net.ntp")


def _check_hosts(names: tuple[str, ...], what: str) -> None:
    check_text(",".join(names), what, limit=200)
    if any(not name.isascii() or "," in name or " " in name or not name for name in names):
        raise BadInput(f"{what} is not a list of host names.")


def make_entries(unit: Unit, settings: DeviceSettings) -> list[NvsEntry]:
    """Return all that a device has to be told, in the order of the partition.

    An image holds these as they are; a device with a stock table takes them as blobs in `nvs`.
    Raises BadInput for a unit without something that its cloud needs of it.
    """
    for name in needed_of(settings.claim.cloud):
        field = name.removeprefix("factory.")
        if field != name and not getattr(unit, field):
            raise BadInput(f"The cloud {settings.claim.cloud!r} needs a {field} of each unit.")
    entries = [_entry("factory", name, getattr(unit, name)) for name in FIELDS]
    entries += [_entry("factory", key, value) for key, value in sorted(unit.extra.items())]
    claim = settings.claim
    if unit.name and "name" in claim.__struct_fields__:
        claim = msgspec.structs.replace(claim, name=unit.name)
    entries += [_entry("claim", "cloud", claim.cloud), _entry("claim", "base_url", claim.base_url)]
    entries += [_entry("claim", name, value) for name, value in claim.own_fields()]
    entries.append(_entry("run", "key", settings.run.key))
    if settings.net is not None:
        net = settings.net
        entries += [_entry("net", n, getattr(net, n)) for n in ("link", "ssid", "password")]
        entries.append(_entry("net", "ntp", ",".join(net.ntp)))
    entries += [NvsEntry("tls", f"ca{n}", "blob", der) for n, der in enumerate(settings.tls.ca)]
    entries += [_option(settings.set, name) for name in settings.set.__struct_fields__]
    if settings.race is not None:
        race = settings.race
        entries += [
            _entry("race", name, getattr(race, name))
            for name in ("dead_time", "best", "batch", "mark", "console", "port")
        ]
        entries.append(_entry("race", "servers", ",".join(race.servers)))
    return [entry for entry in entries if entry.value != ""]


#: How wide each number is that is wider than a switch.
_WIDTHS: dict[str, Kind] = {
    name.partition(".")[2]: "u16" if high < 1 << 16 else "u32"
    for name, ((_, _, high), _) in RANGES.items()
    if high >= 1 << 8
}


def _option(options: OptionSettings, name: str) -> NvsEntry:
    value = getattr(options, name)
    # Without an LED there is none to name; pin 0 is one.
    return _entry("set", name, None if name == "led" and value is False else value)


def _entry(namespace: str, key: str, value: str | int | Secret | None) -> NvsEntry:
    if value is None:
        return NvsEntry(namespace, key, "string", "")
    if isinstance(value, Secret):
        return NvsEntry(namespace, key, "string", value)
    if isinstance(value, int):
        return NvsEntry(namespace, key, _WIDTHS.get(key, "u8"), int(value))
    return NvsEntry(namespace, key, "string", value)


def make_factory_image(unit: Unit, settings: DeviceSettings, size: int = FCTRY_SIZE) -> bytes:
    """Return the `fctry` partition of one unit: `size` bytes, the same for the same input.

    Raises BadInput for what NVS cannot hold.
    """
    return make_nvs_image(make_entries(unit, settings), size)

"""What a scenario file may say: every field with its meaning, strictly checked.

A file has a `group` and any number of `[[scenario]]` tables. TOML has no null: the word "nothing"
stands for a time server or a name server that gives no answer.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from startline_host.bench.scenarios.race_model import CloudRules, Elsewhere, RaceExpect
from startline_host.clouds.cloud_registry import DEFAULT_CLOUD

NOTHING = "nothing"
#: Where a name leads to that the world sends to somebody else's cloud.
IMPOSTOR = "impostor"

KeyType = Literal["WRITE", "READ_WRITE"]
Envelope = Literal["bare", "body"]
LinkName = Literal["wifi", "usb"]


class _ScenarioTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a scenario file."""


class AccessPoint(_ScenarioTable, frozen=True):
    """A Wi-Fi in reach; `delay_ms` is how long a join takes.

    `after_ms` is how long after the reader's start it is on the air.
    """

    password: str = "bench-wifi"  # noqa: S105 - the mock's own, known to all
    delay_ms: int = 100
    after_ms: int = 0
    fault: Literal["no_address", "no_traffic"] | None = None


class VirtualWorld(_ScenarioTable, frozen=True):
    """What is around a virtual reader. `ntp` has each server's offset from true time in seconds.

    `pins` are levels that something outside puts on a pin, by its number. `time` is the same as
    in `ntp`, of the one server that a race asks unless it is told others.
    """

    access_points: dict[str, AccessPoint] = msgspec.field(
        default_factory=lambda: {"bench": AccessPoint()}
    )
    dns: dict[str, str] = {}
    dns_fault: Literal["fail", "stall"] | None = None
    dns_stall_ms: int = 1500
    link_fault: Literal["down"] | None = None
    ntp: dict[str, float | Literal["nothing"]] = msgspec.field(default_factory=lambda: {"*": 0})
    time: float | Literal["nothing"] = 0
    clock: str = "2000-01-01"
    pins: dict[str, Literal[0, 1]] = {}


class ReaderSettings(_ScenarioTable, frozen=True):
    """What the reader is provisioned with.

    `key` is a key type of the bench's company, "stranger" for another company's WRITE key, or
    "wrong" for one that nobody has; without it the case's own key type counts. `made_at` is in
    seconds from now. `dead_time`, `race_servers` and `race_port` are what a race goes by. `without` leaves out entries by "namespace.key". `blank` gives it nothing.
    """

    serial: str = "READER-1"
    model: str = "Model X1"
    alias: str = ""
    type: str = ""
    made_at: int = -86_400
    key: Literal["READ", "stranger", "wrong"] | None = None
    run_key: Literal["same", "own"] | None = None
    ca: tuple[Literal["cloud", "stranger"], ...] = ("cloud",)
    ssid: str = "bench"
    password: str = "bench-wifi"  # noqa: S105 - the same
    ntp: tuple[str, ...] = ()
    base_url: Literal["cloud", "elsewhere"] = "cloud"
    boot_limit: int = 9
    look_pause: int | None = None
    mark: bool | None = None
    dead_time: int | None = None
    race_servers: tuple[str, ...] = ()
    race_port: int | None = None
    without: tuple[str, ...] = ()
    blank: bool = False


class CloudSetup(_ScenarioTable, frozen=True):
    """How the mock cloud starts. `devices` are serial numbers that somebody else bound before.

    `rules` are those for sessions and passings.
    """

    certificate: str = "good"
    answer_form: Literal["json", "documented"] = "json"
    second_bind: Literal["new", "same", "conflict"] = "new"
    type_required: bool = False
    tls: bool = True
    faults: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    rules: CloudRules = CloudRules()


class FlashDamage(_ScenarioTable, frozen=True):
    """What happens to flash behind the reader's back, while it is off.

    erase: all bits set; noise: random bytes; spoil: the bytes of `text` are programmed to zero;
    newer_record: the newest record in `bind` is given a schema of the future. `chip` is all of it.
    """

    part: Literal["nvs", "bind", "fctry", "vfs", "race", "chip"]
    how: Literal["erase", "noise", "spoil", "newer_record"]
    text: str = ""


#: `startline.states.STATES`, in a form that a decoder checks.
State = Literal["unprovisioned", "unbound", "unknown", "bound", "refused"]


class Expect(RaceExpect, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must hold, of a race besides as `RaceExpect` has it; a field that is not given is not looked at.

    `state`, `reason`: of the last `ready`. `step`, `why`: of the last `failed` event. `reason`
    and `why` may be lists of which one must hold. Counts are since the scenario began: `posts`
    (bind requests that reached the cloud, whole or not), `attempts` (the reader's own word for
    it), `lists` (requests for the list of devices), `records` (devices that the cloud knows),
    `copies` (of the record in flash). `untouched`: no connection reached the cloud in this act.
    `waits`: milliseconds of the last `wait` event at least, and at most twice that. `exit`: of a command.
    """

    state: State | None = None
    reason: str | tuple[str, ...] | None = None
    step: str | None = None
    why: str | tuple[str, ...] | None = None
    posts: int | None = None
    attempts: int | None = None
    lists: int | None = None
    records: int | None = None
    copies: int | None = None
    app: bool | None = None
    untouched: bool | None = None
    warning: str | None = None
    says: str | None = None
    waits: int | None = None
    key_kept: bool | None = None
    alias: str | None = None
    exit: int | tuple[int, ...] | None = None


class Act(_ScenarioTable, frozen=True):
    """One thing that is done. Changes come first, with the reader off; then `do`.

    boot: power on and follow until `until`; off: cut the power; go_on: only follow further;
    retry, restart: have the application do so; load: provision through the serial line, with
    faults on the `cable`; command: a verb of the command line; commit: the cloud carries out
    what it had put off. A load with `bundle` loads firmware and agent, too. `until` is "ready", "posted" (the cloud has the whole request to bind),
    "listed" (it has one for its list), "asked METHOD PATH" (it has such a request, whole, since the
    act began), "says TEXT", or an event with fields as `EventPattern` reads them; "race FIELD=VALUE"
    is what the reader says of its race now. `race` are orders to the bench's program for races
    (`RACE_ORDERS`), which it obeys one by one before `until` is waited for. `rules` are the cloud's
    from now on, and `elsewhere` is what somebody else does there. `reader` names another one, made at its first use; with
    `copy_flash` it starts with the first one's flash. `run` is the command, `key` what it looks
    at the cloud with.
    """

    do: Literal["boot", "off", "go_on", "retry", "restart", "load", "command", "commit"] = "boot"
    until: str = "ready"
    reader: Literal["first", "second"] = "first"
    copy_flash: bool = False
    world: VirtualWorld | None = None
    faults: tuple[str, ...] | None = None
    rules: CloudRules | None = None
    elsewhere: tuple[Elsewhere, ...] = ()
    race: tuple[str, ...] = ()
    certificate: str | None = None
    damage: tuple[FlashDamage, ...] = ()
    given: ReaderSettings | None = None
    cable: tuple[str, ...] = ()
    bundle: bool = False
    run: tuple[str, ...] = ()
    key: Literal["READ", "READ_WRITE", "stranger-read"] | None = None
    expect: Expect = Expect()
    expect_read_write: Expect = Expect()


class Scenario(_ScenarioTable, frozen=True):
    """One scenario; without acts the reader is switched on once.

    `expect_read_write` replaces fields of `expect` where the key may also look. `links` says
    over which links it has a meaning: all, unless the world or the Wi-Fi is part of it. `clouds` are
    names of clouds, or "any".
    """

    name: str
    says: str
    group: str = ""
    keys: tuple[KeyType, ...] = ("WRITE",)
    envelopes: tuple[Envelope, ...] = ("bare",)
    clouds: tuple[str, ...] = (DEFAULT_CLOUD,)
    links: tuple[LinkName, ...] | None = None
    given: ReaderSettings = ReaderSettings()
    cloud: CloudSetup = CloudSetup()
    world: VirtualWorld = VirtualWorld()
    act: tuple[Act, ...] = (Act(),)
    expect: Expect = Expect()
    expect_read_write: Expect = Expect()
    seconds: float = 40.0

    @property
    def races(self) -> bool:
        """Whether a race is timed in it."""
        return any(act.race for act in self.act)


class Defaults(_ScenarioTable, frozen=True):
    """What holds for every scenario of a file that does not say otherwise; of `given`, field by field."""

    keys: tuple[KeyType, ...] = ("WRITE",)
    envelopes: tuple[Envelope, ...] = ("bare",)
    given: ReaderSettings = ReaderSettings()
    seconds: float = 40.0


class ScenarioFile(_ScenarioTable, frozen=True):
    """A file of scenarios."""

    group: str
    says: str = ""
    defaults: Defaults = Defaults()
    scenario: tuple[Scenario, ...] = ()


def with_fields(base: Expect, more: Expect) -> Expect:
    """Return `base` with the fields that `more` gives in their place."""
    given = {
        name: value for name, value in msgspec.structs.asdict(more).items() if value is not None
    }
    return msgspec.structs.replace(base, **given)

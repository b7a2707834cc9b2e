"""What each verb's last `--json` line holds: one class a verb, from which the JSON Schema is made."""

from __future__ import annotations

from typing import Any

import msgspec

from startline_host.cli.line_results import LineEnded, LinePlanned
from startline_host.json_output import ResultLine, Rows


class LoadFields(ResultLine, kw_only=True, frozen=True):
    """How a device was loaded."""

    written: list[str]
    files: int
    removed: int
    bytes_sent: int
    bytes_same: int
    kept_identity: bool


class Flashed(LoadFields, kw_only=True, frozen=True):
    """`flash`."""


class Provisioned(LoadFields, kw_only=True, frozen=True):
    """`provision`: how the device came up is known only with link = "usb"."""

    serial: str = ""
    state: str = ""
    deviceid: str = ""
    verified: bool = False
    next: str = ""


class Upped(LoadFields, kw_only=True, frozen=True):
    """`up`."""

    state: str
    serial: str
    deviceid: str
    verified: bool
    first_boot_ms: int


class LoadPlanned(ResultLine, kw_only=True, frozen=True):
    """`flash`, `provision`, `set` and `up` with --dry-run: what they would do."""

    via: str
    serial: str
    kept_identity: bool
    steps: Rows


class Changed(ResultLine, kw_only=True, frozen=True):
    """`set`."""

    written: list[str]
    taken_back: list[str]
    state: str
    reason: str
    serial: str
    address: str = ""
    verified: bool = False


class Status(ResultLine, kw_only=True, frozen=True):
    """`status`: texts are empty where nothing told them."""

    state: str = ""
    reason: str = ""
    serial: str = ""
    deviceid: str = ""
    mac: str = ""
    agent: str = ""
    micropython: str = ""
    heard: int = 0
    asked: bool = False


class DeviceState(ResultLine, kw_only=True, frozen=True):
    """`wait` and `retry`."""

    state: str
    serial: str
    deviceid: str


class Reconciled(ResultLine, kw_only=True, frozen=True):
    """`reconcile`."""

    state: str
    reason: str
    serial: str
    deviceid: str
    listed: int
    findings: Rows


class Reset(ResultLine, kw_only=True, frozen=True):
    """`reset`."""

    state: str
    serial: str
    was: str
    deviceid: str
    has_claim_key: bool


class Unbound(ResultLine, kw_only=True, frozen=True):
    """`unbind`."""

    state: str
    serial: str
    deviceid: str
    sessions_lost: int | None
    has_claim_key: bool


class Inspected(ResultLine, kw_only=True, frozen=True):
    """`inspect`."""

    via: str
    source: str
    chip: str
    mac: str
    running: str
    whole: bool
    found: dict[str, Any]
    next: str = ""


class Monitored(ResultLine, kw_only=True, frozen=True):
    """`monitor`."""

    events: int
    lines: int


class Served(ResultLine, kw_only=True, frozen=True):
    """`cloud`, `panel` and `virtual`, once they were stopped; where they listened is an event."""

    seconds: float


class FaultList(ResultLine, kw_only=True, frozen=True):
    """`cloud faults`, `cloud fault`."""

    faults: Rows


class Keys(ResultLine, kw_only=True, frozen=True):
    """`cloud keys` and what is below it."""

    keys: Rows


class Benched(ResultLine, kw_only=True, frozen=True):
    """`bench`: each case is an event; with --list only `cases` is filled."""

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    seconds: float = 0.0
    passed: bool = False
    interrupted: str = ""
    cases: Rows = msgspec.field(default_factory=list)


class Boards(ResultLine, kw_only=True, frozen=True):
    """`boards`: the profiles as in board.toml."""

    boards: Rows


class Ports(ResultLine, kw_only=True, frozen=True):
    """`ports`."""

    ports: Rows


class Examined(ResultLine, kw_only=True, frozen=True):
    """`doctor`."""

    findings: Rows


class Built(ResultLine, kw_only=True, frozen=True):
    """`build`: the manifest as it is written beside the files."""

    out: str
    manifest: dict[str, Any]


class Labels(ResultLine, kw_only=True, frozen=True):
    """`label`: files made; with --scan each label read is an event."""

    labels: int
    files: list[str]


class LedgerList(ResultLine, kw_only=True, frozen=True):
    """`ledger list`."""

    counts: dict[str, int]
    units: Rows


class LedgerUnitShown(ResultLine, kw_only=True, frozen=True):
    """`ledger show` and `ledger release`: all columns of the unit."""

    unit: dict[str, Any]


class LedgerHistory(ResultLine, kw_only=True, frozen=True):
    """`ledger history`."""

    history: Rows


class LedgerExport(ResultLine, kw_only=True, frozen=True):
    """`ledger export`: the rows, or the file that they were written to."""

    file: str
    count: int
    rows: Rows


class LedgerReport(ResultLine, kw_only=True, frozen=True):
    """`ledger report`."""

    file: str
    counts: dict[str, int]
    passed_share: float | None
    first_time_share: float | None


class LedgerVerified(ResultLine, kw_only=True, frozen=True):
    """`ledger verify`."""

    agrees: bool
    listed: int
    alike: int
    findings: Rows


class RaceStatus(ResultLine, kw_only=True, frozen=True):
    """`race status`: counts are of passings."""

    serial: str
    entire: bool
    stored: int
    sent: int
    waiting: int
    unsure: int
    aside: int
    first: int
    last: int
    full: int
    others: int
    sessions: Rows
    damage: Rows


class RaceList(ResultLine, kw_only=True, frozen=True):
    """`race list`."""

    serial: str
    zone: str
    passings: Rows
    damage: Rows


class RaceExport(ResultLine, kw_only=True, frozen=True):
    """`race export`: the rows, or the file that they were written to."""

    serial: str
    zone: str
    file: str
    count: int
    undated: int
    rows: Rows
    damage: Rows


class RaceAudited(ResultLine, kw_only=True, frozen=True):
    """`race audit`."""

    serial: str
    agrees: bool
    compared: int
    waiting: int
    aside: int
    unjudged: int
    findings: Rows
    damage: Rows


class RaceErased(ResultLine, kw_only=True, frozen=True):
    """`race erase`."""

    erased: int
    lost: int


class RaceResent(ResultLine, kw_only=True, frozen=True):
    """`race resend`: `rows` are the stretches of numbers that were sent again."""

    serial: str
    count: int
    aside: int
    rows: Rows


class RaceDayEnded(ResultLine, kw_only=True, frozen=True):
    """`raceday`: counts are of passings; delays in seconds from antenna to cloud."""

    seed: int
    passed: bool
    seconds: float
    stored: int
    at_cloud: int
    bad: dict[str, int]
    aside: int
    dark: int
    in_flight: int
    delay_p50: float
    delay_p99: float
    worst_error_ms: float


#: The class of each verb's result.
RESULTS: dict[str, type[ResultLine]] = {
    "bench": Benched,
    "boards": Boards,
    "build": Built,
    "cloud": Served,
    "cloud fault list": FaultList,
    "cloud fault off": FaultList,
    "cloud fault on": FaultList,
    "cloud faults": FaultList,
    "cloud keys": Keys,
    "cloud keys add": Keys,
    "cloud keys remove": Keys,
    "doctor": Examined,
    "flash": Flashed,
    "inspect": Inspected,
    "label": Labels,
    "ledger export": LedgerExport,
    "ledger history": LedgerHistory,
    "ledger list": LedgerList,
    "ledger release": LedgerUnitShown,
    "ledger report": LedgerReport,
    "ledger show": LedgerUnitShown,
    "ledger verify": LedgerVerified,
    "line": LineEnded,
    "monitor": Monitored,
    "panel": Served,
    "ports": Ports,
    "provision": Provisioned,
    "race audit": RaceAudited,
    "race erase": RaceErased,
    "race export": RaceExport,
    "race list": RaceList,
    "race resend": RaceResent,
    "race status": RaceStatus,
    "raceday": RaceDayEnded,
    "reconcile": Reconciled,
    "reset": Reset,
    "retry": DeviceState,
    "set": Changed,
    "status": Status,
    "unbind": Unbound,
    "up": Upped,
    "virtual": Served,
    "wait": DeviceState,
}

#: The class of what a verb ends with under --dry-run: what it would do.
DRY_RUNS: dict[str, type[ResultLine]] = {
    "flash": LoadPlanned,
    "line": LinePlanned,
    "provision": LoadPlanned,
    "set": LoadPlanned,
    "up": LoadPlanned,
}

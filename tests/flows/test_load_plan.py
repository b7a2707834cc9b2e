"""What a load would do to a device, decided from what was found on it: no device is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from startline_host.errors import StartlineError
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.found_device import FoundDevice
from startline_host.flows.load_plan import LoadPlan, plan_load
from startline_host.flows.load_request import LoadRequest
from startline_host.formats.flash_plan import device_table
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.formats.partitions import PartitionTable
from startline_host.formats.synthetic_firmware import stock_table
from tests.flows.found_devices import (
    BLANK,
    BOUND,
    FILES,
    FLASH_ONLY,
    IDENTITY,
    LOST,
    MINE,
    NO_RACE,
    STOCK,
    TODAY,
    UNKNOWN,
    UP,
    bundle,
    loader,
    newer,
    prompt,
    provision,
    request,
)
from tests.flows.snapshots import (
    BLANK_BIND,
    BLANK_NVS,
    MAC,
    OTHER_MAC,
    device,
    fctry,
    record,
)

FLASH = ("boot loader", "partition table", "application")


def written(plan: LoadPlan) -> dict[str, Any]:
    """Return what a plan does, in short."""
    assert plan.refusal is None, plan.refusal
    assert plan.needs is None, plan.needs
    done: dict[str, Any] = {}
    if plan.regions:
        done["regions"] = tuple(region.name for region in plan.regions)
    if plan.files is not None and (plan.files.put or plan.files.remove):
        done["files"] = (tuple(plan.files.put), plan.files.remove)
    for name in ("files_later", "saves", "backs_up"):
        if getattr(plan, name):
            done[name] = getattr(plan, name)
    if plan.fctry is not None:
        done["fctry"] = True
    if plan.stock is not None:
        done["stock"] = True
    return done


AGREED = {"agreed": True}
OLD = {
    **FILES,
    "/lib/startline/a.mpy": b"old",
    "/lib/startline/gone.mpy": b"x",
    "/main.py.new": b"",
}
OLD_CHANGES = (("/lib/startline/a.mpy",), ("/lib/startline/gone.mpy", "/main.py.new"))
OWN = {**FILES, "/main.py": MINE}

DONE: dict[str, tuple[LoadRequest, FoundDevice, dict[str, Any]]] = {
    "a blank chip": (UP, loader(BLANK, table=None), {"regions": (*FLASH, "vfs", "fctry")}),
    "a blank chip, flash": (FLASH_ONLY, loader(BLANK, table=None), {"regions": (*FLASH, "vfs")}),
    "the same": (FLASH_ONLY, prompt(device()), {}),
    "the same, up": (UP, prompt(device()), {"fctry": True}),
    "an older agent": (FLASH_ONLY, prompt(device(), OLD), {"files": OLD_CHANGES}),
    "no identity yet": (IDENTITY, prompt(BLANK), {"fctry": True}),
    "identity by boot loader": (IDENTITY, loader(BLANK), {"regions": ("fctry",)}),
    "stock table": (IDENTITY, prompt(STOCK, table=stock_table()), {"stock": True}),
    "bound, allowed": (request("flash", allow_bound=True), prompt(BOUND, OLD), {"files": OLD_CHANGES}),
    "bound, allowed, up": (
        request("flash", "provision", allow_bound=True), prompt(BOUND, OLD), {"files": OLD_CHANGES},
    ),
    "unknown, allowed": (request("provision", allow_bound=True), prompt(UNKNOWN), {}),
    "bound, by boot loader": (
        request("flash", "provision", allow_bound=True), loader(BOUND), {"regions": (*FLASH, "vfs")},
    ),
    "lost fctry": (request("provision", allow_bound=True), prompt(LOST), {"fctry": True}),
    "lost fctry, by boot loader": (
        request("provision", allow_bound=True), loader(LOST), {"regions": ("fctry",)},
    ),
    "a lost fctry stays lost": (request("flash", allow_bound=True), prompt(LOST), {}),
    "files in use": (
        UP, loader(device(), file_system="in use", owned={"/app.py": None}),
        {"regions": FLASH, "files_later": True},
    ),
    "own main.py behind firmware": (
        request("flash", **AGREED), loader(device(), file_system="in use", owned={"/main.py": MINE}),
        {"regions": FLASH, "files_later": True},
    ),
    "own main.py": (
        request("flash", **AGREED), prompt(device(), OWN),
        {"files": (("/main.py",), ()), "saves": {"/main.py": MINE}},
    ),
    "own files of a plain MicroPython": (
        request("flash", **AGREED),
        loader(STOCK, table=stock_table(), file_system="other", owned={"/x": None},
               contents={"/x": b"1"}),
        {"regions": (*FLASH, "vfs"), "saves": {"/x": b"1"}},
    ),
    "own files with a backup": (
        request("flash", backup=Path("old.img")),
        loader(STOCK, table=stock_table(), file_system="other", old_files=(0x200000, 0x200000),
               owned=None),
        {"regions": (*FLASH, "vfs"), "backs_up": (0x200000, 0x200000)},
    ),
    "corrupt vfs": (
        request("flash", allow_bound=True), loader(BOUND, file_system="other"),
        {"regions": (*FLASH, "vfs")},
    ),
    "broken vfs that looks in use": (
        request("flash", allow_bound=True), loader(BOUND, file_system="in use", broken_files=True),
        {"regions": (*FLASH, "vfs")},
    ),
    "recreate files": (
        request("flash", recreate_files=True), loader(device(), file_system="in use", owned=None),
        {"regions": (*FLASH, "vfs")},
    ),
    "a torn table": (
        request("flash", allow_bound=True), loader(BOUND, table=None), {"regions": (*FLASH, "vfs")},
    ),
    "a table without race": (
        FLASH_ONLY, loader(device(), table=device_table(NO_RACE, bundle().firmware),
                           file_system="other"),
        {"regions": (*FLASH, "vfs")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DONE.values(), ids=DONE.keys())
def test_what_is_written(case: tuple[LoadRequest, FoundDevice, dict[str, Any]]) -> None:
    """For each device that may be loaded, just what differs is written, and what goes is saved."""
    wanted, found, done = case
    assert written(plan_load(wanted, found)) == done


def moved(name: str) -> PartitionTable:
    """Return our table with one partition a sector smaller."""
    return PartitionTable(
        tuple(
            msgspec.structs.replace(row, size=row.size - 0x1000) if row.name == name else row
            for row in bundle().table
        )
    )


S2, ELSEWHERE = provision("S2"), provision(url="http://localhost:9090/v0")
ALLOWED: dict[str, Any] = {"allow_bound": True}
REFUSED = device(record("refused"), record("refused"))

REFUSALS: dict[str, tuple[LoadRequest, FoundDevice, int, str]] = {
    "bound": (UP, prompt(BOUND), 41, "is bound (S1"),
    "bound, flash": (FLASH_ONLY, prompt(BOUND), 41, "is bound (S1"),
    "bound, by boot loader": (UP, loader(BOUND), 41, "is bound (S1"),
    "unknown": (UP, prompt(UNKNOWN), 41, "is not known"),
    "damaged record": (UP, prompt(device(b"damaged", b"too")), 41, "is not known"),
    "lost fctry": (UP, prompt(LOST), 41, "identity cannot be read"),
    "newer schema": (UP, prompt(newer(device())), 41, "is not known"),
    "newer schema, lost fctry": (
        request("provision", **ALLOWED), prompt(newer(BLANK)), 41, "newer agent",
    ),
    "other board": (UP, loader(BLANK, chip="ESP32-S3"), 11, "has an esp32"),
    "other board at the prompt": (UP, prompt(BLANK, chip="ESP32C3"), 11, "has an esp32"),
    "other flash": (UP, loader(BLANK, flash_size=8 << 20), 11, "8 MiB of flash"),
    "other MAC": (
        request("flash", provision=provision(mac=OTHER_MAC)), loader(BLANK), 11, "this unit's is",
    ),
    "other serial, bound": (
        request(provision=S2, **ALLOWED), prompt(BOUND), 11, "is S1, not S2",
    ),
    "other serial, refused": (request(provision=S2), prompt(REFUSED), 41, "another identity"),
    "other serial, lost": (
        request(provision=S2, **ALLOWED), prompt(LOST), 11, "serial number is S1, not S2",
    ),
    "other URL, refused": (request(provision=ELSEWHERE), prompt(REFUSED), 41, "another identity"),
    "other URL, lost": (
        request(provision=ELSEWHERE, **ALLOWED), prompt(LOST), 11, "a base URL other than",
    ),
    "other chip's record": (
        request("provision", **ALLOWED), prompt(msgspec.structs.replace(LOST, mac=OTHER_MAC)), 11,
        f"not {OTHER_MAC}",
    ),
    "bound, bind elsewhere": (
        request("flash", **ALLOWED), loader(BOUND, table=moved("bind")), 41, "'bind' is not where",
    ),
    "journal elsewhere": (
        FLASH_ONLY, loader(BLANK, table=moved("race")), 41, "journal of passings",
    ),
    "own main.py": (request("flash", agreed=False), prompt(device(), OWN), 60, "/main.py"),
    "own main.py by boot loader": (
        request("flash", agreed=False),
        loader(device(), file_system="in use", owned={"/main.py": MINE}), 60, "/main.py",
    ),
    "own files of a plain MicroPython": (
        request("flash", agreed=False),
        loader(STOCK, table=stock_table(), file_system="other", owned={"/data/x": None}),
        60, "/data/x",
    ),
    "no fctry by boot loader": (IDENTITY, loader(STOCK, table=stock_table()), 60, "no partition"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_what_is_refused(case: tuple[LoadRequest, FoundDevice, int, str]) -> None:
    """A refusal names its reason and exit code, and such a plan writes nothing at all."""
    wanted, found, code, words = case
    plan = plan_load(wanted, found)
    assert isinstance(plan.refusal, StartlineError)
    assert (plan.refusal.exit_code, plan.needs) == (code, None)
    assert words in plan.refusal.message
    assert written(msgspec.structs.replace(plan, refusal=None)) == {}


def chosen(_snapshot: DeviceSnapshot) -> Provision:
    """Stand for whoever chooses an identity: a decision never asks it."""
    raise AssertionError


NEEDS: dict[str, tuple[LoadRequest, FoundDevice, str]] = {
    "no prompt": (UP, FoundDevice(via="prompt"), "boot loader"),
    "no file system": (UP, FoundDevice(via="prompt", broken_files=True), "boot loader"),
    "older MicroPython": (UP, prompt(BLANK, release=(1, 24, 0)), "boot loader"),
    "stock table": (UP, prompt(STOCK, table=stock_table()), "boot loader"),
    "what it keeps": (UP, msgspec.structs.replace(prompt(BLANK), kept=None), "kept"),
    "who it is": (request("flash", choose=chosen), prompt(BLANK), "identity"),
    "its files": (FLASH_ONLY, prompt(BLANK, files=None), "files"),
    "recreate files": (request("flash", recreate_files=True), prompt(BLANK), "boot loader"),
    "broken files": (FLASH_ONLY, prompt(BLANK, broken_files=True), "boot loader"),
    "file system": (FLASH_ONLY, loader(BLANK, file_system=None), "file system"),
    "its files by boot loader": (
        FLASH_ONLY, loader(BLANK, file_system="in use", owned=None), "files",
    ),
    "the owner": (FLASH_ONLY, prompt(BLANK, OWN), "answer"),
    "the owner, by boot loader": (
        FLASH_ONLY, loader(BLANK, file_system="other", owned={"/x": None}), "answer",
    ),
    "what goes": (
        request("flash", **AGREED), loader(BLANK, file_system="other", owned={"/x": None}),
        "contents",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NEEDS.values(), ids=NEEDS.keys())
def test_what_has_to_be_known_first(case: tuple[LoadRequest, FoundDevice, str]) -> None:
    """A plan without what it depends on names that, and nothing is written by it."""
    wanted, found, need = case
    plan = plan_load(wanted, found)
    assert (plan.needs, plan.refusal) == (need, None)
    assert written(msgspec.structs.replace(plan, needs=None)) == {}


def test_a_refusal_comes_before_its_files_are_read() -> None:
    """A bound device is refused without a look at its files or its file system."""
    for found in (prompt(BOUND, files=None), loader(BOUND, file_system=None)):
        assert plan_load(FLASH_ONLY, found).needs is None


def test_nothing_is_written_to_what_a_device_keeps() -> None:
    """Whatever is planned for the flash, no byte of it lies in `nvs`, `bind` or `race`."""
    own = [bundle().table.get(name) for name in ("nvs", "bind", "race")]
    for wanted, found, _ in DONE.values():
        for region in plan_load(wanted, found).regions:
            assert all(region.erased_end <= row.offset or row.end <= region.offset for row in own)


def test_a_unit_that_is_loaded_again_keeps_its_time_of_making() -> None:
    """The same unit gives the same bytes; another is made today."""
    again = plan_load(UP, prompt(device()))
    assert again.fctry is not None
    stored = DeviceSnapshot(MAC, BLANK_NVS, BLANK_BIND, again.fctry).stored()
    assert stored.values["factory"]["made_at"] == 1_790_000_000
    first = plan_load(UP, prompt(BLANK))
    stored = DeviceSnapshot(MAC, BLANK_NVS, BLANK_BIND, first.fctry).stored()
    assert stored.values["factory"]["made_at"] == TODAY


def test_what_a_bound_device_is_stays() -> None:
    """The plan for a bound device names it as it is, not as it was asked for."""
    kept = msgspec.structs.replace(BOUND, fctry=fctry())
    plan = plan_load(request("flash", "provision", **ALLOWED), prompt(kept))
    assert plan.keeps_identity
    assert (plan.identity.serial, plan.identity.mac) == ("S1", MAC)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (loader(BLANK), ""),
        (
            loader(BLANK, file_system="other"),
            "does not fit or is damaged: it is written anew. What",
        ),
        (loader(BLANK, file_system="other", owned={"/boot.py": b"#\n"}), "is written anew."),
        (
            loader(BLANK, file_system="in use", broken_files=True),
            "is damaged: it is written anew.",
        ),
        (prompt(device(nvs=b"")), ""),
    ],
)
def test_what_is_said_before(found: FoundDevice, words: str) -> None:
    """That a file system goes is said, and that it is lost where nothing of it could be read."""
    said = " ".join(remark.text for remark in plan_load(FLASH_ONLY, found).before)
    assert words in said
    assert bool(said) is bool(words)
    assert ("is lost" in said) is (not found.owned and bool(words))


def test_settings_of_the_venue_are_told_of() -> None:
    """A new identity whose settings do not count because of the venue's says so."""
    nvs = make_nvs_image([NvsEntry("net", "ssid", "blob", b"venue")], 0x6000)
    (said,) = plan_load(IDENTITY, prompt(msgspec.structs.replace(BLANK, nvs=nvs))).before
    assert "net.ssid" in said.text


def test_a_device_without_an_agent_is_told_of() -> None:
    """An identity for a device without an agent is written, and what it lacks is said after it."""
    (said,) = plan_load(IDENTITY, prompt(BLANK, has_agent=False)).after
    assert "no agent yet" in said.text


def test_a_plan_shows_no_bytes() -> None:
    """An image of `fctry` holds keys: no repr of a plan shows it."""
    assert "ror-1" not in repr(plan_load(UP, loader(BLANK)))
    assert "ror-1" not in repr(plan_load(IDENTITY, prompt(STOCK, table=stock_table())))

"""A reader whose outcome is unknown, settled by what the cloud lists, or left as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from startline_host.factory.batch import UnitBatch
from startline_host.factory.entries import StationSlot
from startline_host.factory.ledger import Ledger
from startline_host.flows.firmware_bundle import Provision
from startline_host.formats.factory_partition import OptionSettings
from startline_host.formats.units import Unit
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import MODEL, SERIAL, SHORT_BOOT, Done, Startline, at_its_prompt

Start = Callable[..., VirtualEsp32]
OTHER = "DEVICE-999"


def posts(cloud: MockCloud) -> int:
    """Count the requests to bind that reached the cloud."""
    return [request.method for request in cloud.requests].count("POST")


def bind(cloud: MockCloud, serial: str, key: str | None = None) -> str:
    """Bind another reader of the company, and return its deviceid."""
    import ssl

    answer = httpx.post(
        f"{cloud.base_url}/devices",
        headers={"api_key": key or cloud.keys["WRITE"]},
        json={"model": MODEL, "serial_number": serial},
        verify=ssl.create_default_context(cadata=cloud.ca_pem.decode()),
        trust_env=False,
    )
    return str(answer.json()["deviceid"])


class UnsureReader:
    """A reader that was started once, with the cloud misbehaving, and what it says afterwards."""

    def __init__(self, startline: Startline, start: Start, cloud: MockCloud) -> None:
        self._startline = startline
        self._start = start
        self._cloud = cloud
        self.chip: VirtualEsp32 | None = None

    def boot(self, *faults: str) -> None:
        """Start it, with these faults at the cloud, and wait until it rests."""
        for fault in faults:
            self._cloud.faults.turn_on(fault)
        self.chip = self._start()
        assert at_its_prompt(self.chip)
        self._cloud.faults.clear()

    def run(self, *words: str) -> Done:
        """Run a command on it."""
        assert self.chip is not None
        return self._startline(words[0], "-p", self.chip.url, *words[1:])

    def state(self) -> dict[str, Any]:
        """Stop it and ask what it is."""
        return dict(self.run("status", "--interrupt", "--json").lines()[-1])


@pytest.fixture
def reader(
    startline: Startline,
    start: Start,
    load_flash: Callable[..., None],
    provision: Provision,
    settings_file: Path,
    cloud: MockCloud,
) -> UnsureReader:
    """Have a reader with a WRITE key, which cannot look for itself, and short pauses."""
    options = OptionSettings(boot_limit=SHORT_BOOT, look_pause=30)
    quick = msgspec.structs.replace(
        provision, settings=msgspec.structs.replace(provision.settings, set=options)
    )
    load_flash(quick.image())
    return UnsureReader(startline, start, cloud)


def test_a_lost_answer_is_found_again(reader: UnsureReader, cloud: MockCloud, flash: Path) -> None:
    """The entry that its own request made is the reader's: bound, no second request, no key left."""
    reader.boot("commit_then_drop")
    done = reader.run("reconcile", "--json")
    assert done.code == 0, done.err
    result = done.lines()[-1]
    (entry,) = cloud.devices()
    assert (result["state"], result["deviceid"]) == ("bound", entry["deviceid"])
    assert reader.state()["deviceid"] == entry["deviceid"]
    assert posts(cloud) == 1
    assert cloud.keys["WRITE"].encode() not in flash.read_bytes()
    assert reader.run("reconcile").code == 0

    orphan = bind(cloud, SERIAL)
    again = reader.run("reconcile", "--json")
    assert again.code == 32
    assert any(f"Orphan: deviceid {orphan}" in line.get("text", "") for line in again.lines())
    assert len(cloud.devices()) == 2


def test_a_reader_that_never_asked_is_told_how_to(reader: UnsureReader) -> None:
    """Nothing is to be settled for an unbound reader: the next step is named."""
    reader.boot("status:429@POST")
    done = reader.run("reconcile")
    assert done.code == 0, done.err
    assert "is unbound." in done.out
    assert "to have it try now: startline retry." in done.err


def test_what_is_not_there_is_bound_after_two_looks(
    reader: UnsureReader, cloud: MockCloud
) -> None:
    """With a key that lists a known unit, absence is believed the second time; then it binds.

    What came of that is looked up as well.
    """
    reader.boot("drop")
    bind(cloud, OTHER)
    done = reader.run("reconcile", "--known-serial", OTHER, "--json")
    assert done.code == 0, done.err
    # A look asks for pages until it has seen the end of the list.
    asked = [r.method for r in cloud.requests if r.status in {200, 201}]
    second = asked.index("POST", 1)
    assert asked[1:second].count("GET") == 2 * asked[second:].count("GET") > 0
    assert asked.count("POST") == 2
    assert done.lines()[-1]["state"] == "bound"
    assert [entry["serial_number"] for entry in cloud.devices()] == [OTHER, SERIAL]


def test_a_unit_of_its_batch_in_the_ledger_proves_the_company(
    reader: UnsureReader, cloud: MockCloud, tmp_path: Path
) -> None:
    """A key that lists what the same batch has bound needs nobody to vouch for it."""
    reader.boot("drop")
    units = (Unit(serial=OTHER, model=MODEL), Unit(serial=SERIAL, model=MODEL))
    where = str(tmp_path / "ledger.db")
    with Ledger.open(where) as ledger:
        ledger.add_batch(UnitBatch("spring", units))
        other = ledger.allot("spring", StationSlot("bench"), "24:6f:28:00:00:09")
        assert other is not None
        ledger.bound(ledger.sent(other), bind(cloud, OTHER))
    assert reader.run("reconcile").code == 31
    done = reader.run("reconcile", "--ledger", where)
    assert done.code == 0, done.err
    assert "is bound" in done.out


def test_a_late_commit_is_seen_by_the_second_look(reader: UnsureReader, cloud: MockCloud) -> None:
    """What the cloud does only between the looks is found by the second: one entry in the end."""
    reader.boot("commit_late:4")
    bind(cloud, OTHER)
    done = reader.run("reconcile", "--known-serial", OTHER)
    assert done.code == 0, done.err
    assert [entry["serial_number"] for entry in cloud.devices()].count(SERIAL) == 1
    assert reader.state()["state"] == "bound"


@pytest.mark.parametrize("more", [(), ("--known-serial", OTHER)], ids=["unproven", "known"])
def test_a_key_of_another_company_settles_nothing(
    reader: UnsureReader, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    """Its list lacks the reader as any other's would: the reader stays unknown and asks nothing."""
    reader.boot("commit_then_drop")
    bind(cloud, OTHER)
    monkeypatch.setenv("STARTLINE_READ_KEY", cloud.add_company("another")["READ"])
    done = reader.run("reconcile", *more)
    assert done.code == 31, done.err
    assert "--same-company" in done.err
    assert reader.state()["state"] == "unknown"
    assert posts(cloud) == 2


def test_two_readers_of_one_serial_number_are_not_confused(
    reader: UnsureReader, cloud: MockCloud
) -> None:
    """The other one's entry is a stranger; taking it needs the deviceid and a typed confirmation."""
    token = bind(cloud, f" {SERIAL.lower()} ")
    reader.boot("drop")
    done = reader.run("reconcile", "--json")
    assert done.code == 32, done.err
    assert "serial taken" in done.err
    assert any(token in line.get("text", "") for line in done.lines())
    state = reader.state()
    assert (state["state"], state["reason"]) == ("unknown", "serial taken")

    declined = reader.run("reconcile", "--adopt", token)
    assert declined.code == 60
    assert "--confirm" in declined.err
    assert reader.run("reconcile", "--adopt", token, "--confirm", "yes").code == 60
    wrong = reader.run("reconcile", "--adopt", bind(cloud, OTHER), "--confirm", SERIAL)
    assert wrong.code == 32
    assert reader.state()["state"] == "unknown"

    adopted = reader.run("reconcile", "--adopt", token, "--confirm", SERIAL)
    assert adopted.code == 0, adopted.err
    assert reader.state()["deviceid"] == token


def test_several_of_its_own_are_left_to_the_operator(
    reader: UnsureReader, cloud: MockCloud
) -> None:
    """Two entries with the mark of one request: doubled, reported, and none is taken."""
    reader.boot("commit_then_drop")
    (entry,) = cloud.devices()
    with cloud.store.transaction() as database:
        database.execute(
            "INSERT INTO devices (type, model, alias, firmware, company, deviceid,"
            " serial_number, created) SELECT type, model, alias, firmware, company, ?,"
            " serial_number, created FROM devices",
            ("AB" * 32,),
        )
    done = reader.run("reconcile")
    assert done.code == 32, done.err
    assert done.err.count("Double: deviceid") == 2
    assert reader.state()["reason"] == "doubled"
    assert reader.run("reconcile", "--adopt", entry["deviceid"], "--confirm", SERIAL).code == 0
    assert len(cloud.devices()) == 2


def test_a_list_that_cannot_be_read_whole_proves_nothing(
    reader: UnsureReader, cloud: MockCloud
) -> None:
    """A list that is cut, or that ends before all are shown, leaves the reader as it is."""
    reader.boot("commit_then_drop")
    for fault in ("list_cut", "list_endless", "status:500@GET"):
        cloud.faults.turn_on(fault)
        done = reader.run("reconcile", "--same-company")
        cloud.faults.clear()
        assert done.code in {20, 30, 0}, (fault, done.err)
        if done.code == 0:
            pytest.fail(f"{fault} was taken for a whole list")
    assert reader.state()["state"] == "unknown"


def test_the_key_goes_only_where_the_operator_says(
    reader: UnsureReader, cloud: MockCloud, settings_file: Path
) -> None:
    """No cloud named, or another one than the device's: nothing is asked of anyone."""
    reader.boot("drop")
    settings_file.unlink()
    unnamed = reader.run("reconcile")
    assert unnamed.code == 60
    assert f"--base-url {cloud.base_url}" in unnamed.err
    with MockCloud() as elsewhere:
        wrong = reader.run("reconcile", "--base-url", elsewhere.base_url, "--ca", "ca.pem")
        assert wrong.code == 11
        assert not list(elsewhere.requests)
    assert not [r for r in cloud.requests if r.method == "GET" and r.status == 200]
    reader.run("reconcile", "--base-url", cloud.base_url, "--ca", "ca.pem")
    assert [r for r in cloud.requests if r.method == "GET" and r.status == 200]

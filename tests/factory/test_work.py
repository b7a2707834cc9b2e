"""The work on one board: passed, recognised, refused, taken back, settled, or a named failure."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from startline_host.clouds.cloud_registry import find_cloud
from startline_host.clouds.vms import VmsClaim
from startline_host.device.console import Event
from startline_host.errors import TimedOut
from startline_host.factory.batch import UnitBatch
from startline_host.factory.database import LedgerAway
from startline_host.factory.entries import StationSlot
from startline_host.factory.ledger import Ledger
from startline_host.factory.verify import compare_with_cloud, record_verdict
from startline_host.flows.notices import Remark
from startline_host.formats.factory_partition import NetSettings
from startline_host.formats.units import Unit
from tests.factory.bench import BIND, FCTRY, NVS, LineBench
from tests.factory.made import mac

if TYPE_CHECKING:
    from pathlib import Path

    from startline_host.factory.verify import ListedDevice
    from startline_host.flows.notices import Notice

NO_WIFI: dict[str, object] = {"access_points": {}}


def at_event(name: str, error: BaseException) -> object:
    """Return a listener that raises at the first event of that name."""

    def listen(notice: Notice) -> None:
        if isinstance(notice, Event) and notice.name == name:
            raise error

    return listen


def known_to_the_cloud(bench: LineBench) -> None:
    """Have a unit of the ledger in the cloud already, so that the READ key proves its company."""
    import ssl

    answer = httpx.post(
        f"{bench.cloud.base_url}/devices",
        headers={"api_key": bench.cloud.keys["WRITE"]},
        json={"model": "Model X1", "serial_number": "OLD-1"},
        verify=ssl.create_default_context(cadata=bench.cloud.ca_pem.decode()),
        trust_env=False,
    )
    bench.ledger.add_batch(
        UnitBatch("spring", (Unit(serial="OLD-1", model="Model X1", mac=mac(200)),))
    )
    unit = bench.ledger.allot("spring", StationSlot("bench"), mac(200))
    assert unit is not None
    bench.ledger.pass_(bench.ledger.bound(unit, answer.json()["deviceid"]))
    bench.cloud.requests.clear()


def test_a_board_passes_and_gets_its_label(bench: LineBench, tmp_path: Path) -> None:
    """A board is named, loaded, bound, verified and labelled, and the ledger tells each step."""
    bench.plug(1)
    result = bench.work(bench.plan(labels=tmp_path / "labels"))
    assert (result.end, result.serial, result.mac) == ("passed", "RR-000001", mac(1))
    unit = bench.ledger.find(mac(1))
    assert [device["deviceid"] for device in bench.cloud.devices()] == [unit.token]
    told = [(line.kind, line.step) for line in bench.ledger.history(unit)]
    assert told == [
        ("allot", "allot"), ("step", "load"), ("sent", ""), ("step", "bind"), ("step", "verify"),
        ("pass", ""), ("label", ""),
    ]  # fmt: skip
    assert "RR-000001" in (tmp_path / "labels" / "RR-000001.svg").read_text()


def test_a_board_seen_before_is_left_alone(bench: LineBench) -> None:
    """A board that has passed is recognised, not bound again, and nothing on it changes."""
    bench.plug(1)
    assert bench.work().end == "passed"
    before = [bench.part(1, place) for place in (NVS, BIND, FCTRY)]
    bench.plug(1, NO_WIFI)
    result = bench.work()
    assert (result.end, result.serial) == ("seen", "RR-000001")
    assert [bench.part(1, place) for place in (NVS, BIND, FCTRY)] == before
    assert bench.posts() == 1


def test_a_board_without_network_gives_its_serial_back(bench: LineBench) -> None:
    """Before its first byte a failed board is wiped, and its serial number goes to the next one."""
    bench.plug(1, NO_WIFI)
    result = bench.work()
    assert (result.end, result.reason) == ("failed", "network")
    assert bench.part(1, FCTRY) == b"\xff" * 0x4000
    assert bench.ledger.look_up(mac(1)) is None
    assert bench.posts() == 0
    bench.plug(2)
    assert bench.work().serial == "RR-000001"
    bench.plug(1)
    assert bench.work().serial == "RR-000002"


def test_a_refused_board_keeps_its_serial(bench: LineBench) -> None:
    """After a request the serial number stays with its chip, and goes on when the cause is mended."""
    bench.plug(1)
    result = bench.work(bench.plan(key="READ"))
    assert (result.end, result.reason) == ("failed", "refused by the cloud")
    unit = bench.ledger.find(mac(1))
    assert (unit.state, unit.sent, unit.serial) == ("failed", True, "RR-000001")
    bench.plug(2)
    assert bench.work().serial == "RR-000002"
    bench.plug(1)
    assert (bench.work().end, len(bench.cloud.devices())) == ("passed", 2)


def test_a_board_with_anothers_serial_is_caught(bench: LineBench) -> None:
    """A copied flash on another chip is named, and neither written to nor given a serial number."""
    bench.plug(1)
    bench.work()
    bench.unplug()
    bench.flash(2).write_bytes(bench.flash(1).read_bytes())
    bench.plug(2)
    result = bench.work()
    assert (result.end, result.reason) == ("failed", "the wrong device")
    assert f"carries the serial number RR-000001, which is the chip {mac(1)}'s" in result.words
    assert bench.ledger.look_up(mac(2)) is None
    assert bench.part(2, FCTRY) == bench.part(1, FCTRY)
    assert bench.posts() == 1


def test_a_board_bound_elsewhere_is_left_alone(bench: LineBench, tmp_path: Path) -> None:
    """A board that is bound and not of this ledger is refused and stays bound."""
    with Ledger.open(str(tmp_path / "other.db")) as other:
        other.add_batch(UnitBatch("theirs", (Unit(serial="THEIRS-1", model="X1"),)))
        ours, bench.ledger = bench.ledger, other
        bench.plug(1)
        assert bench.work(bench.plan(batch="theirs")).end == "passed"
        bench.ledger = ours
        before = bench.part(1, BIND)
        result = bench.work()
    assert (result.end, result.exit_code) == ("failed", 41)
    assert "THEIRS-1, bound, and not of this ledger" in result.words
    assert bench.part(1, BIND) == before
    assert [line.kind for line in bench.ledger.records()] == ["fail"]


def test_a_board_that_was_reset_is_not_bound_again(bench: LineBench) -> None:
    """A board whose binding is gone, though the ledger has its token, is named and not bound."""
    bench.plug(1)
    bench.work()
    bench.unplug()
    bench.erase(1, BIND, NVS)
    bench.plug(1)
    result = bench.work()
    assert (result.end, result.exit_code) == ("failed", 32)
    assert "Was it reset?" in result.words
    assert bench.posts() == 1


def test_units_can_leave_unbound(bench: LineBench) -> None:
    """With a deferred bind the board is loaded and known; once the cloud has it, it is adopted."""
    bench.plug(1, NO_WIFI)
    result = bench.work(bench.plan(defer=True))
    assert (result.end, result.serial, bench.posts()) == ("deferred", "RR-000001", 0)
    assert bench.ledger.find(mac(1)).state == "deferred"
    bench.plug(1)
    bench.cloud.wait_for_request("POST", timeout=30)
    record_verdict(
        bench.ledger,
        compare_with_cloud(bench.ledger.entries(), devices(bench)),
        StationSlot("bench"),
    )
    assert bench.ledger.find(mac(1)).passed
    assert bench.work().end == "seen"


def test_a_unit_binds_over_its_cable(bench: LineBench) -> None:
    """Without any Wi-Fi the line carries the connection of a unit whose link is the cable."""
    settings = msgspec.structs.replace(bench.plan().settings, net=NetSettings(link="usb"))
    bench.plug(1, NO_WIFI)
    assert bench.work(bench.plan(settings=settings)).end == "passed"
    assert bench.posts() == 1


def test_a_unit_that_left_unbound_can_come_back(bench: LineBench) -> None:
    """On a line with a network, a unit that was deferred is bound under its own serial number."""
    bench.plug(1, NO_WIFI)
    assert bench.work(bench.plan(defer=True)).end == "deferred"
    bench.plug(1)
    result = bench.work(busy=True)
    assert (result.end, result.serial, bench.posts()) == ("passed", "RR-000001", 1)
    free = bench.ledger.look_up("RR-000002")
    assert free is not None
    assert free.state == "free"


def test_a_unit_of_the_other_cloud_is_checked_there(bench: LineBench) -> None:
    """VMS has no list and no READ key: the unit is activated once, and the cloud says it is taken."""
    settings = bench.plan().settings
    claim = VmsClaim(cloud="vms", base_url=bench.cloud.root_url, login="user-login", name="name",
                  type="mediaagent")  # fmt: skip
    plan = bench.plan(settings=msgspec.structs.replace(settings, claim=claim), read_key=None)
    bench.plug(1)
    result = bench.work(plan)
    assert result.end == "passed", result
    unit = bench.ledger.find(mac(1))
    assert [str(device["id"]) for device in bench.cloud.vms.devices()] == [unit.token]
    steps = [line.step for line in bench.ledger.history(unit) if line.kind == "step"]
    assert steps == ["load", "bind", "verify"]


def devices(bench: LineBench) -> list[ListedDevice]:
    """Return the cloud's list as a READ key would see it."""
    plan = bench.plan()
    assert plan.read_key is not None
    read = find_cloud("rufus").list_devices
    assert read is not None
    return list(read(bench.cloud.base_url, [bench.cloud.ca_der], plan.read_key))


def test_an_answer_that_was_lost_is_found_in_the_list(bench: LineBench) -> None:
    """A request that was carried out and not answered is settled by the list, with one request."""
    bench.cloud.faults.turn_on("commit_then_dropx1")
    bench.plug(1)
    assert bench.work().end == "passed"
    assert (bench.posts(), len(bench.cloud.devices())) == (1, 1)
    unit = bench.ledger.find(mac(1))
    assert [line.reason for line in bench.ledger.history(unit) if line.kind == "settle"] == [
        "bound"
    ]


def test_a_request_that_was_lost_is_sent_again_after_two_looks(bench: LineBench) -> None:
    """A request that the cloud never saw is repeated only after two looks of the right company."""
    known_to_the_cloud(bench)
    bench.cloud.faults.turn_on("dropx1@POST")
    bench.plug(1)
    assert bench.work().end == "passed"
    assert (bench.posts(), len(bench.cloud.devices())) == (2, 2)
    looks = [request.method for request in bench.cloud.requests]
    first, second = (n for n, method in enumerate(looks) if method == "POST")
    assert looks[first:second].count("GET") >= 2


def test_without_proof_of_the_company_nothing_is_sent_again(bench: LineBench) -> None:
    """A READ key that shows no unit of the ledger proves nothing: the outcome stays unknown."""
    bench.cloud.faults.turn_on("dropx1@POST")
    bench.plug(1)
    result = bench.work()
    assert (result.end, result.reason) == ("failed", "outcome unknown")
    assert bench.ledger.find(mac(1)).sent
    assert bench.posts() == 1


@pytest.mark.parametrize("event", ["identity", "attempt", "ready"])
def test_a_station_that_stops_goes_on(bench: LineBench, event: str) -> None:
    """Whenever the station stops, the board goes on with its own serial, and is bound once."""
    bench.plug(1)
    with pytest.raises(KeyboardInterrupt):
        bench.work(listen=at_event(event, KeyboardInterrupt()))  # type: ignore[arg-type]
    assert bench.ledger.find(mac(1)).at_work
    assert (bench.work(busy=True).end, bench.posts()) == ("passed", 1)
    assert [device["serial_number"] for device in bench.cloud.devices()] == ["RR-000001"]


def test_a_ledger_that_goes_away_does_not_disturb_the_board(
    bench: LineBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger lost in the middle ends the work, not the board's; once it is back, it goes on."""
    monkeypatch.setattr("startline_host.factory.database._PATIENCE", 0.1)
    with Ledger.open(str(tmp_path / "ledger.db")) as impatient:
        bench.ledger = impatient
        thief = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)

        def steal(notice: Notice) -> None:
            if isinstance(notice, Event) and notice.name == "attempt":
                thief.execute("BEGIN IMMEDIATE")

        bench.plug(1)
        with pytest.raises(LedgerAway, match="Another program has held"):
            bench.work(listen=steal)
        thief.close()
        assert (bench.work(busy=True).end, bench.posts()) == ("passed", 1)


def test_a_batch_that_is_used_up_is_said(bench: LineBench) -> None:
    """A board for which there is no serial number is left as it is."""
    bench.plug(1)
    before = bench.flash(1).read_bytes()
    result = bench.work(bench.plan(batch="nothing"))
    assert (result.end, result.mac) == ("no serial", mac(1))
    assert bench.part(1, FCTRY) == before[FCTRY]


def test_a_stumbling_board_gets_another_go(bench: LineBench) -> None:
    """A failure that may pass is tried again after the power was switched, and that is history."""
    bench.plug(1)
    failures = iter([OSError("gone")])

    def stumble(notice: Notice) -> None:
        if isinstance(notice, Event) and notice.name == "identity" and next(failures, None):
            raise TimedOut("It did not come to rest.")

    assert bench.work(bench.plan(tries=2), stumble).end == "passed"
    assert bench._cycles == 1
    kinds = [line.kind for line in bench.ledger.history(bench.ledger.find(mac(1)))]
    assert kinds.count("retry") == 1
    assert any(isinstance(one, Remark) and "Trying again" in one.text for one in bench.said)


def test_a_board_that_is_swapped_in_the_middle_is_caught(bench: LineBench) -> None:
    """Another board at the second go is left alone, and the first one keeps its serial number."""
    bench.plug(1)

    def swap(notice: Notice) -> None:
        if isinstance(notice, Event) and notice.name == "identity":
            bench.plug(2)
            raise TimedOut("It did not come to rest.")

    result = bench.work(bench.plan(tries=2), swap)
    assert (result.end, result.reason) == ("failed", "the wrong device")
    assert f"is the chip {mac(2)} by now" in result.words
    assert bench.ledger.find("RR-000001").mac == mac(1)
    assert bench.ledger.look_up(mac(2)) is None
    assert bench.part(2, FCTRY) == b"\xff" * 0x4000
    assert bench.posts() == 0


def test_an_empty_slot_is_a_named_failure(bench: LineBench) -> None:
    """A slot with nothing in it fails as such, without a unit."""
    bench.plug(1)
    url = bench.url
    bench.unplug()

    class Empty:
        """Nothing."""

        def __init__(self) -> None:
            self.url = url

        def power_cycle(self) -> bool:
            """Have no power."""
            return False

    from startline_host.factory.work import UnitWork

    work = UnitWork(bench.ledger, bench.plan(), StationSlot("bench", "1"), bench.said.append)
    result = work.run(Empty())
    assert (result.end, result.reason, result.serial) == ("failed", "no such port or device", "")
    assert [line.kind for line in bench.ledger.records()] == ["fail"]

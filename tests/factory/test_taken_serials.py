"""The work on one board looks into the cloud's list first: a number that is taken is left alone."""

from __future__ import annotations

import ssl

import httpx
import msgspec
import pytest

from startline_host.factory.batch import UnitBatch
from startline_host.factory.entries import StationSlot
from startline_host.factory.ledger import Ledger
from startline_host.formats.units import Unit
from tests.factory.bench import FCTRY, LineBench
from tests.factory.made import mac


def bind(bench: LineBench, serial: str, key: str = "WRITE") -> str:
    """Have the cloud know a device of that serial number; return its deviceid."""
    answer = httpx.post(
        f"{bench.cloud.base_url}/devices",
        headers={"api_key": bench.cloud.keys[key]},
        json={"model": "Model X1", "serial_number": serial},
        verify=ssl.create_default_context(cadata=bench.cloud.ca_pem.decode()),
        trust_env=False,
    )
    bench.cloud.requests.clear()
    return str(answer.json()["deviceid"])


def test_a_serial_number_that_the_cloud_has_is_not_bound_again(bench: LineBench) -> None:
    """The board is left as it is, and the number goes to no other one; the next board goes on."""
    bind(bench, "rr-000001 ")
    bench.plug(1)
    before = bench.flash(1).read_bytes()
    result = bench.work()
    assert (result.end, result.exit_code, result.serial) == ("failed", 32, "RR-000001")
    assert "The cloud has RR-000001 already" in result.words
    assert bench.posts() == 0
    bench.unplug()
    assert bench.flash(1).read_bytes() == before
    assert bench.ledger.find("RR-000001").state == "failed"
    bench.plug(2)
    assert (bench.work().end, bench.ledger.find(mac(2)).serial) == ("passed", "RR-000002")
    assert (
        bench.ledger.release(bench.ledger.find("RR-000001"), StationSlot("bench")).state == "free"
    )


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("status:403@GET", "refused by the cloud"), ("drop@GET", "network"),
     ("list_endless@GET", "network")],
)  # fmt: skip
def test_a_list_that_cannot_be_read_binds_nothing(
    bench: LineBench, fault: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cloud cannot be looked at, the board is left as it is and gives its number back."""
    monkeypatch.setattr("startline_host.factory.work._CLOUD_PAUSES", (0.0,))
    bench.cloud.faults.turn_on(fault)
    bench.plug(1)
    result = bench.work()
    assert (result.end, result.reason) == ("failed", reason), result.words
    assert bench.posts() == 0
    assert bench.part(1, FCTRY) == b"\xff" * 0x4000
    assert bench.ledger.look_up(mac(1)) is None


def test_a_unit_of_another_cloud_does_not_pass(bench: LineBench) -> None:
    """A board that is bound elsewhere than the plan says is not passed without the cloud's word."""
    bench.plug(1)
    assert bench.work(bench.plan(verify=False)).end == "passed"
    unit = bench.ledger.find(mac(1))
    with Ledger.open(str(bench.flash(1).with_name("other.db"))) as other:
        other.add_batch(UnitBatch("spring", (Unit(serial="RR-000001", model="Model X1"),)))
        bench.ledger = other
        settings = bench.plan().settings
        claim = msgspec.structs.replace(settings.claim, base_url=bench.cloud.base_url + "/other")
        assert other.allot("spring", StationSlot("bench"), mac(1)) is not None
        result = bench.work(bench.plan(settings=msgspec.structs.replace(settings, claim=claim)))
    assert (result.end, result.reason) == ("failed", "the wrong device"), result.words
    assert f"belongs to {bench.cloud.base_url}, not to" in result.words
    assert unit.token

"""How faults are ordered in a word."""

from __future__ import annotations

import pytest

from startline_host.errors import BadInput
from startline_host.mock_cloud.fault_spec import ActiveFaults, FaultSpec, parse
from startline_host.mock_cloud.fault_switches import ALL_FAULTS

from .conftest import Start


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("drop", FaultSpec("drop")),
        ("status:503", FaultSpec("status", 503)),
        ("status:503x2", FaultSpec("status", 503, 2)),
        ("dropx3", FaultSpec("drop", None, 3)),
        ("stall@POST", FaultSpec("stall", None, None, "POST")),
        ("status:500x1@GET@/v0/devices", FaultSpec("status", 500, 1, "GET", "/v0/devices")),
        ("drop@/v0/sessions", FaultSpec("drop", None, None, "", "/v0/sessions")),
    ],
)
def test_a_fault_spec_is_read_and_written(text: str, spec: FaultSpec) -> None:
    """Name, number, times, method and path are read, and written as they were."""
    assert parse(text, ALL_FAULTS) == spec
    assert str(spec) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read"), ("status:", "cannot be read"), ("status:x", "cannot be read"),
        ("STATUS", "cannot be read"), ("status 503", "cannot be read"),
        ("bogus", "no fault 'bogus'"), ("status:99", "from 200 to 599, not 99"),
        ("status:600", "from 200 to 599"), ("drop:1", "takes no number"),
        ("commit_late:301", "seconds from 1 to 300"), ("refusex1", "cannot be counted"),
        ("cut_up:1@POST", "knows no method"),
    ],
)  # fmt: skip
def test_a_wrong_order_is_named(start: Start, text: str, words: str) -> None:
    """An order that cannot be read or played is bad input, in one sentence that says why."""
    cloud = start(proxied=True)
    with pytest.raises(BadInput, match=words):
        cloud.faults.turn_on(text)
    assert cloud.faults.active == []


def test_bytes_need_a_proxy(start: Start) -> None:
    """A fault of bytes on a cloud without a proxy is refused, with what to do instead."""
    with pytest.raises(BadInput, match="works on bytes") as caught:
        start().faults.turn_on("delay:5")
    assert "proxied=True" in caught.value.hint


def test_one_order_for_each_fault_stays_in_force() -> None:
    """A later order for the same fault replaces the earlier one in its place."""
    book = ActiveFaults()
    for text in ("drop", "status:500", "drop@GET"):
        book.put(parse(text, ALL_FAULTS))
    assert [str(spec) for spec in book.listed()] == ["drop@GET", "status:500"]
    book.drop("drop")
    book.drop("drop")
    assert [spec.name for spec in book.listed()] == ["status"]


def test_counted_orders_run_out() -> None:
    """An order with a number of times goes when it has been played so often."""
    book = ActiveFaults()
    book.put(FaultSpec("drop", times=2))
    assert book.count(book.listed())
    assert [spec.times for spec in book.listed()] == [1]
    book.count(book.listed())
    assert book.listed() == []

"""`startline race` beside a program that times: it answers in frames, and is never stopped."""

from __future__ import annotations

import pytest

from startline_host.bench.station import BenchDevice, BenchStation
from startline_host.mock_cloud import MockCloud
from startline_host.virtual.uhf_module import UhfModule
from tests.examples.test_reader_app import EPC, press, race_is
from tests.race.conftest import Run, result

pytestmark = pytest.mark.startline(
    app="../../examples/reader_app", given={"run_key": "same", "dead_time": 1500}
)


def test_a_reader_answers_while_it_times(
    run: Run, reader: BenchDevice, startline_station: BenchStation, startline_cloud: MockCloud
) -> None:
    """Status, list, export and resend go on beside passings that come in; nothing restarts.

    What was read so is what the prompt reads afterwards, byte for byte of JSON.
    """
    with UhfModule(reader.uart_url) as module:
        assert module.wait_until_started(10)
        race_is(reader, clock="ntp")
        press(startline_station, reader)
        race_is(reader, sending="open")
        for number in range(120):
            module.see(EPC.format(number))
        race_is(reader, sent=120, waiting=0)
        startline_cloud.faults.turn_on("status:400@POST@/v0/passings")
        for number in range(120, 124):
            module.see(EPC.format(number))
        race_is(reader, aside=4, waiting=0)
        startline_cloud.faults.clear()
        with reader.reader.detached():
            port = ("-p", reader.url)
            told = result(run("status", *port, "--json"))
            known = ("stored", "sent", "waiting", "aside", "first", "last", "entire")
            assert [told[name] for name in known] == [124, 120, 0, 4, 1, 124, False]
            assert [(one["state"], one["passings"]) for one in told["sessions"]] == [("open", 124)]
            assert run("status", *port, "--serial", "OTHER-1")[0] == 11
            module.see(EPC.format(124))
            few = result(run("list", *port, "--from", 110, "--to", 115, "--json"))["passings"]
            assert [one["number"] for one in few] == list(range(110, 116))
            code, _, err = run("list", *port, "--from", 999)
            assert (code, "There is no passing 999." in err) == (60, True)
            code, _, err = run("resend", *port, "--from", 1, "--to", 1)
            assert (code, "None of 1 passing is set aside" in err) == (60, True)
            told = result(run("resend", *port, "--from", 122, "--to", 123, "--json"))
            assert (told["count"], told["aside"]) == (2, 2)
            startline_cloud.faults.turn_on("status:400x1@POST@/v0/passings")
            code, _, err = run("resend", *port)
            assert (code, "stay set aside" in err) == (30, True)
            assert run("resend", *port)[0] == 0
            beside = result(run("list", *port, "--json"))["passings"]
            assert [one["chip"] for one in beside] == [EPC.format(number) for number in range(125)]
            stopped = result(run("list", *port, "--interrupt", "--json"))["passings"]
            assert stopped == beside
            assert few == beside[109:115]
        assert [event.name for event in reader.reader.cycle.events].count("boot") == 1
    found = startline_cloud.store.rows("SELECT num_passing FROM passings ORDER BY num_passing")
    assert [one["num_passing"] for one in found] == list(range(1, 126))

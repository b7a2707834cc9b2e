"""Every verb with --json, one after another, as one reader lives through them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from startline_host.cli.results import RESULTS
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Startline
from tests.json_lines import checked

BENCH = """
group = "mine"
[[scenario]]
name = "binds"
says = "It binds."
expect = { state = "bound", posts = 1, records = 1 }
"""
#: Servers, which end when they are told to; `test_json_output` does.
SERVERS = {"cloud", "panel", "virtual"}


class JsonStory:
    """Types verbs with --json, and keeps what each of them printed."""

    def __init__(self, startline: Startline) -> None:
        self._startline = startline
        self.seen: dict[str, list[dict[str, Any]]] = {}

    def __call__(self, verb: str, *words: str, code: int = 0) -> dict[str, Any]:
        """Run a verb to its end and return its last line."""
        done = self._startline(*verb.split(), *words, "--json")
        assert done.code == code, (verb, done.out, done.err)
        lines = checked(done.out)
        assert (lines[-1]["verb"], lines[-1]["exit_code"]) == (verb, code)
        self.seen.setdefault(verb, []).extend(lines)
        return lines[-1]


def of_a_device(typed: JsonStory, url: str, cloud: MockCloud) -> None:
    """Flash a reader, have it bind, look at it, settle it, and unbind it."""
    port = ("-p", url)
    typed("flash", *port)
    typed("doctor", *port, "--seconds", "0.2")
    typed("provision", *port, "--serial", SERIAL)
    bound = typed("wait", *port, "--timeout", "60")
    assert bound["deviceid"] == cloud.devices()[0]["deviceid"]
    assert typed("up", *port, "--serial", SERIAL, code=41)["result"] is None
    assert typed("up", *port, "--serial", SERIAL, "--allow-bound")["deviceid"] == bound["deviceid"]
    assert typed("status", *port, "--interrupt")["state"] == "bound"
    typed("monitor", *port, "--reset", "--seconds", "2")
    typed("inspect", *port)
    typed("set", *port, "--look-pause", "45")
    for verb in ("race status", "race list", "race export"):
        typed(verb, *port, "--interrupt", code=60)  # nothing was ever timed
    place = ("--base-url", cloud.base_url, "--ca", "ca.pem")
    typed("race audit", *port, "--interrupt", *place, code=60)
    typed("race resend", *port, "--interrupt", *place, code=60)
    typed("race erase", *port, "--interrupt", "--confirm", SERIAL, code=60)
    typed("retry", *port)
    typed("reconcile", *port)
    assert typed("unbind", *port, "--confirm", SERIAL)["deviceid"] == bound["deviceid"]
    typed("reset", *port, "--confirm", SERIAL)


def of_a_running_cloud(typed: JsonStory) -> None:
    """Switch the faults of a cloud that runs elsewhere, as `startline cloud` has its page."""
    typed("cloud fault list", "--page", "http://localhost:1/", code=20)
    with MockCloud(MockOptions(http_port=0)) as running:
        page = ("--page", running.page_url)
        typed("cloud fault on", "nonsense", *page, code=60)
        (active,) = typed("cloud fault on", "status:503x2", *page)["faults"]
        assert active["order"] == "status:503x2"
        assert [str(one) for one in running.faults.active] == ["status:503x2"]
        assert typed("cloud fault list", *page)["faults"] == [active]
        assert typed("cloud fault off", *page)["faults"] == []
        assert not running.faults.active


def of_a_bench(typed: JsonStory, cloud: MockCloud) -> None:
    """Look at what there is, build, run a scenario, make a batch, and look into its ledger."""
    typed("boards")
    typed("ports", "--all")
    typed("cloud faults")
    of_a_running_cloud(typed)
    typed("cloud keys", "--db", "cloud.db")
    typed("cloud keys add", "READ", "--db", "cloud.db")
    typed("cloud keys remove", "1", "--db", "cloud.db")
    typed("build", "--serial", SERIAL)
    typed("bench", "--scenarios", "mine.toml")
    typed("raceday", "--html", "mine.toml", code=60)
    typed(
        "line", "--virtual", "1", "--count", "1", "--folder", "line", "--ledger", "line/ledger.db"
    )
    (made,) = typed("ledger list")["units"]
    typed("ledger show", made["serial"])
    typed("ledger history", made["serial"])
    assert typed("ledger export")["rows"] == [made]
    typed("ledger report")
    place = ("--base-url", cloud.base_url, "--ca", "ca.pem")
    differs = typed("ledger verify", *place, code=32)
    assert [one["kind"] for one in differs["result"]["findings"]] == ["missing"]
    typed("ledger release", made["serial"], "--confirm", made["serial"], code=41)
    typed("label", made["serial"])


def test_each_line_of_each_verb_is_as_the_schema_says(
    startline: Startline,
    start: Callable[..., VirtualEsp32],
    cloud: MockCloud,
    settings_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Flashed, bound, looked at, settled, unbound, made in a batch: one shape, whatever the verb."""
    monkeypatch.setenv("STARTLINE_UNBIND_KEY", cloud.keys["READ_WRITE_UNBIND"])
    settings_file.with_name("mine.toml").write_text(BENCH, encoding="utf-8")
    typed = JsonStory(startline)
    of_a_device(typed, start().url, cloud)
    monkeypatch.setenv("STARTLINE_LEDGER", "line/ledger.db")
    of_a_bench(typed, cloud)
    assert typed.seen.keys() == RESULTS.keys() - SERVERS
    failed = {verb for verb, lines in typed.seen.items() if lines[-1]["kind"] == "error"}
    races = {f"race {verb}" for verb in ("status", "list", "export", "audit", "resend", "erase")}
    others = {"ledger verify", "ledger release", "raceday"}
    assert failed == {*others, *races}, "these end otherwise here"

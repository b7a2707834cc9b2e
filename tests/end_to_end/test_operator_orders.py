"""What an operator has a reader do on purpose: retry, reset, unbind."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from startline_host.flows.firmware_bundle import Provision
from startline_host.formats.factory_partition import NetSettings, RunSettings
from startline_host.mock_cloud import MockCloud
from startline_host.secrets import Secret
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Done, Startline, at_its_prompt

Start = Callable[..., VirtualEsp32]
Load = Callable[..., None]


def posts(cloud: MockCloud) -> int:
    """Count the requests to bind that reached the cloud."""
    return [request.method for request in cloud.requests].count("POST")


@pytest.fixture
def bench(
    startline: Startline, start: Start, load_flash: Load, settings_file: Path, provision: Provision
) -> Callable[..., Done]:
    """Have a reader that boots, and comes to its rest, before its first command."""
    chips: list[VirtualEsp32] = []

    def run(*words: str, image: bytes | None = None) -> Done:
        if not chips:
            load_flash(image or provision.image())
            chips.append(start())
            assert at_its_prompt(chips[0])
        return startline(words[0], "-p", chips[0].url, *words[1:])

    return run


def test_a_missing_key_is_asked_for_by_name(startline: Startline) -> None:
    """Where nobody can be asked for a key, the variable and the file option are named (60)."""
    done = startline("unbind", "-p", "/dev/no-such-port")
    assert done.code == 60, done.err
    assert "STARTLINE_UNBIND_KEY" in done.err
    assert "--unbind-key-file" in done.err


def test_a_no_is_asked_again_on_demand(bench: Callable[..., Done], cloud: MockCloud) -> None:
    """`retry` asks where a restart would not, and ends as `up` does: 30, then 0."""
    cloud.faults.turn_on("status:403x2")
    refused = bench("retry")
    assert refused.code == 30, refused.err
    done = bench("retry", "--json")
    assert done.code == 0, done.err
    assert done.lines()[-1]["state"] == "bound"
    assert posts(cloud) == 3
    assert bench("retry").code == 0
    assert posts(cloud) == 3


def test_a_reader_on_the_cable_alone_is_carried_for_its_retry(
    bench: Callable[..., Done], cloud: MockCloud, provision: Provision, settings_file: Path
) -> None:
    """With `link = "usb"` this computer carries the try, to the cloud that its operator names."""
    cabled = msgspec.structs.replace(provision.settings, net=NetSettings(link="usb"))
    image = msgspec.structs.replace(provision, settings=cabled).image()
    kept = settings_file.read_bytes()
    settings_file.unlink()
    unnamed = bench("retry", image=image)
    assert unnamed.code == 60, unnamed.err
    assert f"--base-url {cloud.base_url}" in unnamed.err
    settings_file.write_bytes(kept)
    done = bench("retry", "--timeout", "60")
    assert done.code == 0, done.err
    assert cloud.devices()[0]["deviceid"] in done.out
    assert posts(cloud) == 1


def test_a_bound_reader_is_not_reset_by_the_way(
    bench: Callable[..., Done], cloud: MockCloud, flash: Path
) -> None:
    """Its own binding is left (41) but for its serial number, typed; its key is gone by then."""
    assert bench("reset", "--confirm", SERIAL).code == 41
    assert bench("reset", "--force-bound", "DEVICE-124").code == 41
    done = bench("reset", "--force-bound", SERIAL, "--json")
    assert done.code == 0, done.err
    result = done.lines()[-1]
    assert result["deviceid"] == cloud.devices()[0]["deviceid"]
    assert (result["was"], result["has_claim_key"]) == ("bound", False)
    assert cloud.devices()[0]["deviceid"].encode() not in flash.read_bytes()[0x3FA000:0x3FC000]
    blank = bench("reset")
    assert (blank.code, blank.out) == (0, "")
    assert "There is no record to clear." in blank.err
    assert posts(cloud) == 1


def test_an_open_question_is_not_reset_by_the_way(
    bench: Callable[..., Done], cloud: MockCloud
) -> None:
    """A reader that may be bound is sent to reconcile (41)."""
    cloud.faults.turn_on("commit_then_drop")
    done = bench("reset", "--confirm", SERIAL)
    assert done.code == 41, done.err
    assert "startline reconcile" in done.err


def test_unbinding_shows_what_is_lost_and_wants_the_serial_typed(
    bench: Callable[..., Done], cloud: MockCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the typed word nothing happens; with it the cloud and then the reader let go."""
    monkeypatch.setenv("STARTLINE_UNBIND_KEY", cloud.keys["WRITE_UNBIND"])
    first = bench("unbind")
    token = cloud.devices()[0]["deviceid"]
    for _ in range(3):
        _session(cloud, token)
    shown = bench("unbind")
    assert (first.code, shown.code) == (60, 60)
    assert "--confirm" in shown.err
    assert "3 sessions with 0 passings" in shown.err
    assert cloud.devices()

    done = bench("unbind", "--confirm", SERIAL, "--json")
    assert done.code == 0, done.err
    assert done.lines()[-1]["sessions_lost"] == 3
    assert not cloud.devices()
    again = bench("unbind", "--confirm", SERIAL)
    assert again.code == 0
    assert "nothing to unbind" in again.err


def test_a_key_without_the_right_unbinds_nothing(
    bench: Callable[..., Done], cloud: MockCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that may not delete ends with 30, and both sides stay as they are."""
    monkeypatch.setenv("STARTLINE_UNBIND_KEY", cloud.keys["READ_WRITE"])
    done = bench("unbind", "--confirm", SERIAL)
    assert done.code == 30, done.err
    assert "unbind right" in done.err
    assert cloud.devices()
    assert bench("status", "--interrupt", "--json").lines()[-1]["state"] == "bound"


def test_a_cut_while_unbinding_is_mended_by_doing_it_again(
    bench: Callable[..., Done], cloud: MockCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the cloud has deleted already counts as done, after a word on what that may mean."""
    monkeypatch.setenv("STARTLINE_UNBIND_KEY", cloud.keys["READ_WRITE_UNBIND"])
    monkeypatch.delenv("STARTLINE_READ_KEY")
    bench("status", "--interrupt")
    cloud.faults.turn_on("commit_then_drop@DELETE")
    cut = bench("unbind", "--confirm", SERIAL)
    assert cut.code == 20, cut.err
    assert not cloud.devices()
    assert bench("status", "--interrupt", "--json").lines()[-1]["state"] == "bound"
    cloud.faults.clear()
    done = bench("unbind", "--confirm", SERIAL)
    assert done.code == 0, done.err
    assert "does not have" in done.err


def test_a_reader_that_keeps_its_key_stays_at_its_prompt(
    bench: Callable[..., Done],
    cloud: MockCloud,
    provision: Provision,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unbound with a key that binds, it would bind itself at once: it is not started again."""
    monkeypatch.setenv("STARTLINE_UNBIND_KEY", cloud.keys["WRITE_UNBIND"])
    shared = msgspec.structs.replace(provision.settings, run=RunSettings(key=Secret("same")))
    keeps = msgspec.structs.replace(provision, settings=shared)
    done = bench("unbind", "--confirm", SERIAL, image=keeps.image())
    assert done.code == 0, done.err
    assert "claim key" in done.err
    assert not cloud.devices()
    assert posts(cloud) == 1


def test_a_person_types_the_word(
    bench: Callable[..., Done], cloud: MockCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal the word is asked for; another word changes nothing."""

    class OrderTerminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("STARTLINE_UNBIND_KEY", cloud.keys["WRITE_UNBIND"])
    monkeypatch.setattr("sys.stdin", OrderTerminal("yes\n"))
    assert bench("unbind").code == 60
    assert cloud.devices()
    monkeypatch.setattr("sys.stdin", OrderTerminal(f"{SERIAL}\n"))
    done = bench("unbind")
    assert done.code == 0, done.err
    assert not cloud.devices()


def _session(cloud: MockCloud, token: str) -> None:
    import ssl

    answer = httpx.post(
        f"{cloud.base_url}/sessions",
        headers={"api_key": cloud.keys["WRITE"]},
        json={"deviceid": token},
        verify=ssl.create_default_context(cadata=cloud.ca_pem.decode()),
        trust_env=False,
    )
    assert answer.status_code == 201

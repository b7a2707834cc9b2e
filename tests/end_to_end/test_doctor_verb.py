"""`startline doctor` on a whole bench: a reader, a cloud, settings and keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.device.port_lock import PortLock
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import Done, Startline

Start = Callable[..., VirtualEsp32]


def findings(done: Done, verdict: str) -> dict[str, str]:
    """Return the texts of a run with --json by what they are about, those with that verdict."""
    told = json.loads(done.out)["findings"]
    return {one["what"]: one["text"] for one in told if one["verdict"] == verdict}


def test_a_bench_in_order_is_found_so(
    startline: Startline,
    start: Start,
    load_flash: Callable[..., None],
    cloud: MockCloud,
    settings_file: Path,
) -> None:
    """Tools, port, line, CA, clock and keys are looked at, and nothing is sent to the reader."""
    load_flash()
    chip = start()
    before = chip.counts().received
    done = startline("doctor", "-p", chip.url, "--seconds", "0.3", "--json")
    assert done.code == 0, done.out
    good = findings(done, "good")
    assert {"settings", "CA", "cloud", "clock", "claim key", "READ key", "port"} <= good.keys()
    assert "may not read, as is right for a WRITE key" in good["claim key"]
    assert chip.counts().received == before
    assert {request.method for request in cloud.requests} == {"GET"}
    assert cloud.devices() == []


@pytest.mark.parametrize(
    ("claim", "read", "code", "words"),
    [
        ("READ_WRITE", "READ", 0, "The claim key may read"),
        ("READ", "READ", 30, "is a READ key: it cannot bind"),
        ("WRITE", "WRITE", 60, "does not let the READ key look"),
        ("no key of theirs", "READ", 30, "does not know the claim key"),
    ],
)
def test_the_keys_types_are_told_by_looking_only(
    startline: Startline,
    cloud: MockCloud,
    settings_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    claim: str,
    read: str,
    code: int,
    words: str,
) -> None:
    """What a key may do is found out by asking for a list, never by binding something."""
    monkeypatch.setenv("CLAIM_KEY", cloud.keys.get(claim, "ror-0000"))
    monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys[read])
    done = startline("doctor", "--json")
    assert done.code == code, done.out
    assert words in done.out
    # To close a session that does not exist changes nothing, and tells who may write.
    assert {request.method for request in cloud.requests} <= {"GET", "PATCH"}
    assert {request.status for request in cloud.requests} <= {200, 403, 404}
    for key in (cloud.keys.get(claim, "ror-0000"), cloud.keys[read]):
        assert key not in done.out + done.err


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("expired", "certificate has expired"),
        ("other_host", "mismatch"),
        ("other_ca", "local issuer"),
    ],
)
def test_a_cloud_that_is_not_vouched_for_is_exit_21(
    startline: Startline, cloud: MockCloud, settings_file: Path, certificate: str, words: str
) -> None:
    """The doctor trusts the provisioned CA and nothing else, as the device does."""
    cloud.use_certificate(certificate)
    done = startline("doctor", "--json")
    assert done.code == 21, done.out
    assert words in findings(done, "bad")["cloud"].lower()


def test_a_setting_that_is_wrong_is_exit_60(startline: Startline, settings_file: Path) -> None:
    """A settings file that cannot be used says what is wrong with it."""
    settings_file.write_text(settings_file.read_text().replace("ssid", "sid"))
    done = startline("doctor")
    assert done.code == 60
    assert "net.sid" in done.out
    assert "1 thing to fix." in done.out


def test_a_port_in_use_is_exit_10(startline: Startline, start: Start) -> None:
    """Who holds the port is named."""
    chip = start()
    with PortLock(chip.url):
        done = startline("doctor", "-p", chip.url, "--json")
    assert done.code == 10
    assert "in use by process" in findings(done, "bad")["port"]


def test_a_blank_chip_is_recognised_by_what_it_prints(startline: Startline, start: Start) -> None:
    """A chip without a boot loader says so over and over, and the doctor translates it."""
    chip = start(pty=True)
    assert chip.pty_path is not None
    done = startline("doctor", "-p", chip.pty_path, "--seconds", "1.5")
    assert done.code == 12, done.out
    assert "finds no boot loader in its flash" in done.out.replace("\n      ", " ")
    assert "startline up" in done.out
    assert "has no DTR and RTS" in done.out.replace("\n      ", " ")


def test_it_reads_well_at_80_columns(
    startline: Startline, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is longer than the terminal is wide."""
    monkeypatch.setenv("COLUMNS", "80")
    done = startline("doctor")
    assert done.code == 0, done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert "No problems found." in done.out

"""A READ key that was given has to work, and the serial number to be free, before a byte is written."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from startline_host.device.port import open_port
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.observe import wait_for_state
from startline_host.mock_cloud import MockCloud
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import MODEL, SERIAL, Done, Startline

Start = Callable[..., VirtualEsp32]


def bind(cloud: MockCloud, serial: str, key: str) -> None:
    """Bind another reader of the company."""
    answer = httpx.post(
        f"{cloud.base_url}/devices",
        headers={"api_key": key},
        json={"model": MODEL, "serial_number": serial},
        verify=ssl.create_default_context(cadata=cloud.ca_pem.decode()),
        trust_env=False,
    )
    assert answer.status_code == 201


def posts(cloud: MockCloud) -> int:
    """Count the requests to bind that reached the cloud."""
    return [request.method for request in cloud.requests].count("POST")


class Untouched:
    """A reader with its agent, and a command that is to leave it as it is."""

    def __init__(self, startline: Startline, start: Start, flash: Path, cloud: MockCloud) -> None:
        self._startline = startline
        self._chip = start()
        self._flash = flash
        self._cloud = cloud

    def __call__(self, verb: str, *words: str) -> Done:
        """Run the command, and see that neither flash nor cloud has anything new."""
        before, asked = self._flash.read_bytes(), posts(self._cloud)
        done = self._startline(verb, "-p", self._chip.url, "--serial", SERIAL, *words)
        assert done.code, done.out
        assert self._flash.read_bytes() == before
        assert posts(self._cloud) == asked
        return done


@pytest.fixture
def untouched(
    startline: Startline,
    start: Start,
    flash: Path,
    cloud: MockCloud,
    load_flash: Callable[..., None],
    settings_file: Path,
) -> Untouched:
    """Have a reader that is not told yet who it is."""
    load_flash()
    return Untouched(startline, start, flash, cloud)


def test_the_cloud_is_asked_once_where_the_prompt_does_not_do(
    startline: Startline, start: Start, cloud: MockCloud, load_flash: Callable[..., None],
    settings_file: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What was asked at the prompt is not asked again in the boot loader that takes over.

    The claim key, of which its first answer says that it may not read, asks no second time.
    """
    monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys["READ"])
    load_flash()
    chip = start()
    asked = []
    for words in ("--dry-run",), ("--dry-run", "--recreate-files"), ("--recreate-files",):
        before = len(cloud.requests)
        done = startline("up", "-p", chip.url, "--serial", SERIAL, *words)
        assert done.code == 0, done.err
        calls = [(one.method, one.path) for one in list(cloud.requests)[before:]]
        bound = [n for n, (method, _) in enumerate(calls) if method == "POST"]
        asked.append(calls[: bound[0]] if bound else calls)
    assert asked == [[("GET", "/v0/devices")] * 2] * 3


@pytest.mark.parametrize("verb", ["up", "provision"])
def test_a_read_key_that_the_cloud_refuses_stops_everything(
    untouched: Untouched, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """A key that may not read ends with 30: whether the number is taken, as it is, nobody can see."""
    bind(cloud, SERIAL, cloud.keys["WRITE"])
    for key in (cloud.keys["WRITE"], "ror-00000000000000000000"):
        monkeypatch.setenv("STARTLINE_READ_KEY", key)
        done = untouched(verb)
        assert done.code == 30, done.err
        assert "does not let the READ key look" in done.err
        assert key not in done.err
    assert len(cloud.devices()) == 1


@pytest.mark.parametrize("verb", ["up", "provision"])
def test_a_taken_number_stops_everything(
    untouched: Untouched, cloud: MockCloud, verb: str
) -> None:
    """A serial number that the cloud has is not given to a second reader (32), whichever verb asks."""
    bind(cloud, f" {SERIAL.lower()}", cloud.keys["WRITE"])
    done = untouched(verb)
    assert done.code == 32, done.err
    assert f"The cloud has {SERIAL} already" in done.err


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("status:403@GET", 30),
        ("status:503@GET", 30),
        ("drop@GET", 20),
        ("list_cut@GET", 20),
        ("list_endless@GET", 20),
        ("captive_portal@GET", 20),
        ("broken_json@GET", 20),
    ],
)
def test_a_list_that_cannot_be_read_to_its_end_stops_everything(
    untouched: Untouched, cloud: MockCloud, fault: str, code: int
) -> None:
    """A list that is refused, cut, endless or no list proves nothing: nothing is written."""
    cloud.faults.turn_on(fault)
    done = untouched("up")
    assert done.code == code, done.err
    assert "Nothing was written" in done.err


@pytest.mark.parametrize("fault", ["list_serial_null", "list_serial_missing", "list_serial_list"])
def test_an_entry_that_cannot_be_compared_stops_everything(
    untouched: Untouched, cloud: MockCloud, fault: str
) -> None:
    """An entry of today without a readable serial number may be this very one (32)."""
    bind(cloud, SERIAL, cloud.keys["WRITE"])
    cloud.faults.turn_on(f"{fault}@GET")
    done = untouched("up")
    assert done.code == 32, done.err
    assert "cannot be compared" in done.err
    assert "Nothing was written" in done.err


def test_a_cloud_that_this_computer_does_not_reach_or_trust_stops_everything(
    untouched: Untouched, cloud: MockCloud, settings_file: Path
) -> None:
    """Nobody listening ends with 20, and a certificate of another CA with 21."""
    cloud.use_certificate("other_ca")
    done = untouched("up")
    assert done.code == 21, done.err
    told = settings_file.read_text()
    settings_file.write_text(told.replace(cloud.base_url, "https://127.0.0.1:1/v0"))
    done = untouched("up")
    assert done.code == 20, done.err
    assert "give no READ key" in done.err


def test_another_company_s_read_key_stops_everything(
    untouched: Untouched, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the claim key can list as well, a READ key of another company is found out (32)."""
    bind(cloud, "DEVICE-1", cloud.keys["WRITE"])
    monkeypatch.setenv("CLAIM_KEY", cloud.keys["READ_WRITE"])
    monkeypatch.setenv("STARTLINE_READ_KEY", cloud.add_company("another")["READ"])
    done = untouched("up")
    assert done.code == 32, done.err
    assert "to another company than the claim key" in done.err


def test_what_is_given_has_to_work_for_a_bound_reader_too(
    startline: Startline,
    start: Start,
    cloud: MockCloud,
    load_flash: Callable[..., None],
    settings_file: Path,
    provision: Provision,
    flash: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bound reader is refused without a look (41); its reload stops where the look fails."""
    load_flash(provision.image())
    chip = start()
    with open_port(chip.url) as port:
        port.reset()
        wait_for_state(port, "bound", Deadline(30))
    before = flash.read_bytes()
    words = ("up", "-p", chip.url, "--serial", SERIAL)
    asked = len(cloud.requests)
    assert startline(*words).code == 41
    assert len(cloud.requests) == asked
    told = settings_file.read_text()
    settings_file.write_text(told.replace(cloud.base_url, f"{cloud.base_url}/other"))
    elsewhere = startline(*words, "--allow-bound")
    assert elsewhere.code == 11, elsewhere.err
    assert f"belongs to {cloud.base_url}, not to" in elsewhere.err
    settings_file.write_text(told)
    monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys["WRITE"])
    refused = startline(*words, "--allow-bound")
    assert refused.code == 30, refused.err
    assert flash.read_bytes() == before
    monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys["READ"])
    assert startline(*words, "--allow-bound").code == 0

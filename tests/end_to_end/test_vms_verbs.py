"""The second cloud from the command line: the same verbs and words, and no flow of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from startline_host.clouds.cloud_registry import find_cloud
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.mock_cloud.vms_examples import EXAMPLE_REQUEST
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SHORT_BOOT, Startline

Start = Callable[..., VirtualEsp32]

AUTHORIZATION = "Bearer canary-0123456789"
ACTIVATE, CHECK = "/api/v1/billing/devices/activate", "/api/v1/billing/devices/check"
UNIT = ("--serial", "sn", "--model", "Model X1")


@pytest.fixture
def cloud() -> Iterator[MockCloud]:
    """Run a VMS that wants an Authorization value."""
    with MockCloud(MockOptions(vms_authorization=AUTHORIZATION)) as running:
        yield running


@pytest.fixture
def write_settings(
    cloud: MockCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Write a settings file for the VMS, with lines of [claim] of the test's own."""
    monkeypatch.setenv("VMS_AUTH", AUTHORIZATION)
    (tmp_path / "ca.pem").write_bytes(cloud.ca_pem)

    def write(*claim: str, kind: str = "mediaagent") -> None:
        lines = [
            "[claim]", 'cloud = "vms"', f'base_url = "{cloud.root_url}"', 'login = "user-login"',
            'name = "name"', f'type = "{kind}"', *claim,
            "[net]", 'ssid = "bench"', "[tls]", 'ca = "ca.pem"', "[set]", f"boot_limit = {SHORT_BOOT}",
            "look_pause = 30",
        ]  # fmt: skip
        (tmp_path / "settings.toml").write_text("\n".join(lines), encoding="utf-8")

    return write


WORLD: dict[str, object] = {"access_points": {"bench": {}}}


def test_a_blank_chip_ends_activated_and_stays_so(
    startline: Startline, start: Start, cloud: MockCloud, flash: Path,
    write_settings: Callable[..., None],
) -> None:  # fmt: skip
    """One command activates with the page's own values, asks whether it is taken, and keeps no secret."""
    write_settings('by = "serial"', 'auth_env = "VMS_AUTH"')
    chip = start(WORLD)
    done = startline("up", "-p", chip.url, *UNIT)
    assert done.code == 0, done.err
    assert "deviceid 25\n" in done.out
    assert "The cloud would not activate it again: The device is activated already." in done.err
    (activation,) = [one for one in cloud.requests if one.path == ACTIVATE]
    fields = json.loads(activation.body)
    assert {**EXAMPLE_REQUEST, **fields} == EXAMPLE_REQUEST
    assert AUTHORIZATION.encode() not in flash.read_bytes()
    assert "canary" not in done.out + done.err

    again = startline("up", "-p", chip.url, *UNIT)
    assert again.code == 41
    seen = startline("inspect", "--dump", str(flash), "--json")
    assert seen.code == 0, seen.err
    assert '"vms"' in seen.out
    assert [one.path for one in cloud.requests].count(ACTIVATE) == 1


def test_a_refusal_is_told_in_the_clouds_words(
    startline: Startline, start: Start, cloud: MockCloud, write_settings: Callable[..., None]
) -> None:
    """A type that the service does not know ends in 30, with the reason under `errors`."""
    write_settings('auth_env = "VMS_AUTH"', kind="toaster")
    done = startline("up", "-p", start(WORLD).url, *UNIT)
    assert done.code == 30
    assert "The selected type is invalid" in done.err
    assert cloud.vms.devices() == []


def test_an_activation_without_an_answer(
    startline: Startline, start: Start, cloud: MockCloud, flash: Path,
    write_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The device looks, is told that it is taken, and rests (31) until its operator names the id."""
    write_settings('auth_env = "VMS_AUTH"')
    cloud.faults.turn_on("commit_then_dropx1")
    chip = start(WORLD)
    done = startline("up", "-p", chip.url, *UNIT)
    assert done.code == 31
    assert "serial taken" in done.err
    assert "startline reconcile" in done.err
    assert startline("up", "-p", chip.url, *UNIT).code == 41

    plain = startline("reconcile", "-p", chip.url)
    assert plain.code == 31, plain.err
    assert "no list" in plain.err
    assert "startline retry" in plain.err
    assert "--token ID" in plain.err
    (device,) = cloud.vms.devices()
    settle = ("reconcile", "-p", chip.url, "--token", str(device["id"]))
    declined = startline(*settle)
    assert declined.code == 60
    assert "on your word alone" in declined.err
    assert "both will write to it" in declined.err
    assert startline(*settle[:-1], "x25", "--confirm", "sn").code == 60
    assert AUTHORIZATION.encode() in flash.read_bytes()
    settled = startline(*settle, "--confirm", "sn", "--json")
    assert settled.code == 0, settled.err
    assert settled.lines()[-1]["state"] == "bound"
    assert settled.lines()[-1]["deviceid"] == str(device["id"])
    assert AUTHORIZATION.encode() not in flash.read_bytes()

    after = startline("reconcile", "-p", chip.url)
    assert (after.code, "nothing to settle" in after.err) == (0, True), after.err
    monkeypatch.setenv("STARTLINE_UNBIND_KEY", "any")
    left = startline("unbind", "-p", chip.url)
    assert (left.code, "cannot unbind devices" in left.err) == (60, True), left.err
    assert [one.path for one in cloud.requests].count(ACTIVATE) == 1


def test_a_login_page_is_no_answer(
    startline: Startline, start: Start, cloud: MockCloud, write_settings: Callable[..., None]
) -> None:
    """HTML in place of both answers leaves it unknown (31); `retry` looks, twice free, and activates."""
    write_settings('auth_env = "VMS_AUTH"')
    cloud.faults.turn_on("captive_portal")
    chip = start(WORLD)
    done = startline("up", "-p", chip.url, *UNIT)
    assert done.code == 31, done.err
    cloud.faults.clear()
    # A boot as short as this one has time for one look; the second, behind the deadline, counts.
    deadline = Deadline(90)
    assert startline("retry", "-p", chip.url).code == 31
    while startline("retry", "-p", chip.url).code != 0:
        assert not deadline.expired
    (activation,) = [one for one in cloud.requests if one.status == 201]
    looks = [one for one in cloud.requests if one.path == CHECK and one.status == 204]
    assert activation.path == ACTIVATE
    assert len(looks) >= 2
    assert len(cloud.vms.devices()) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('by = "name"', "claim.by"),
        ('auth = "Bearer x"', "claim.auth"),
        ("skip_reserve = 1", "claim.skip_reserve"),
        ('bye = "mac"', "meant by?"),
    ],
)
def test_settings_that_do_not_fit(
    startline: Startline,
    write_settings: Callable[..., None],
    tmp_path: Path,
    line: str,
    words: str,
) -> None:
    """A wrong setting is named before any device is touched, a secret in a readable file too."""
    write_settings(line)
    (tmp_path / "settings.toml").chmod(0o644)
    done = startline("up", "-p", "socket://127.0.0.1:1", *UNIT)
    assert done.code == 60
    assert words in done.err


def test_what_a_vms_needs(
    startline: Startline, write_settings: Callable[..., None], tmp_path: Path
) -> None:
    """Without login, name, type or a serial number no image is made; what is missing is named."""
    write_settings()
    path = tmp_path / "settings.toml"
    kept = [
        line for line in path.read_text().splitlines() if not line.startswith(("login", "name"))
    ]
    path.write_text("\n".join(kept))
    done = startline("up", "-p", "socket://127.0.0.1:1", *UNIT)
    assert done.code == 60
    assert "claim.login, claim.name" in done.err
    write_settings('by = "mac"')
    nobody = startline("up", "-p", "socket://127.0.0.1:1", "--model", "Model X1")
    assert (nobody.code, "serial" in nobody.err) == (60, True), nobody.err


def test_the_story_of_each_cloud_fits_its_page() -> None:
    """What `make bench` tells of a cloud is what the cloud's own page shows."""
    kind = find_cloud("vms")
    told, played = kind.demo, kind.played
    assert told is not None
    assert played.bind_path == ACTIVATE
    assert "by =" not in played.settings
    assert (told.serial, told.token) == (EXAMPLE_REQUEST["serial_number"], "25")
    for name in ("login", "name", "type"):
        assert f'{name} = "{EXAMPLE_REQUEST[name]}"' in played.settings

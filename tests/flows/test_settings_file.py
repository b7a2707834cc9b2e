"""The settings file."""

from __future__ import annotations

import os
import shlex
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from startline_host.errors import BadInput
from startline_host.flows.settings_file import SettingsFile, load_settings
from startline_host.formats.units import seconds
from startline_host.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ror-ae4fc6c19681a20fad30"
GOOD = """
[claim]
cloud = "rufus"
base_url = "https://localhost:8443/v0/"
key_env = "CLAIM_KEY"

[net]
ssid = "bench"
password_file = "wifi.txt"
ntp = ["pool.ntp.org"]

[tls]
ca = "ca.pem"

[run]
key = "same"

[set]
mark = false
boot_limit = 30

[unit]
model = "Model X1"
made_at = 2026-11-21
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a CA and a password file."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "wifi.txt").write_text("bench-wifi\n")
    (tmp_path / "wifi.txt").chmod(0o600)
    return tmp_path


def load(folder: Path, text: str, **environ: str) -> SettingsFile:
    """Write and load a settings file; any warning is an error."""
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return load_settings(path, environ={"CLAIM_KEY": KEY} | environ, warn=pytest.fail)


def test_a_whole_file_is_understood(folder: Path) -> None:
    """Every section arrives: secrets as secrets, certificates as DER, dates as Unix seconds."""
    told = load(folder, GOOD)
    settings = told.settings
    assert settings.claim.base_url == "https://localhost:8443/v0"
    assert settings.claim.key == Secret(KEY)
    assert settings.net is not None
    assert (settings.net.ssid, settings.net.password) == ("bench", Secret("bench-wifi"))
    assert settings.net.ntp == ("pool.ntp.org",)
    assert settings.tls.ca[0][:1] == b"\x30"
    assert settings.run.key == Secret("same")
    assert (settings.set.mark, settings.set.boot_limit) == (False, 30)
    assert told.unit_defaults == {"model": "Model X1", "made_at": 1_795_219_200}


def test_nothing_of_it_shows_a_secret(folder: Path) -> None:
    """The loaded file can be printed without giving anything away."""
    shown = repr(load(folder, GOOD))
    assert KEY not in shown
    assert "bench-wifi" not in shown


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('cloud = "rufus"', 'cluod = "rufus"', r"unknown fields: claim.cluod \(meant cloud\?\)"),
        ("[run]", "[runn]", "unknown fields: runn"),
        ("[net]", "[[net]]", r"net must be a section, \[net\]"),
        ('cloud = "rufus"', "", "there is no required field `cloud`|no.*cloud"),
        ('base_url = "https://localhost:8443/v0/"', "", "base_url"),
        ('key_env = "CLAIM_KEY"', "", "needs claim.key"),
        ('key_env = "CLAIM_KEY"', 'key_env = "NO_SUCH"', r"\$NO_SUCH, which is not set"),
        (
            'key_env = "CLAIM_KEY"',
            'key_env = "A"\nkey_file = "b"',
            "only one of key_env, key_file",
        ),
        ('key_env = "CLAIM_KEY"', "key_env = 7", "claim.key_env must be text"),
        ('password_file = "wifi.txt"', 'password_file = "no.txt"', "cannot be read from .*no.txt"),
        ('ssid = "bench"', "ssid = 5", "net.ssid is a whole number; it must be a text in quotes"),
        ('ssid = "bench"', 'link = "radio"', "'radio'"),
        ('ca = "ca.pem"', 'ca = "no.pem"', "CA certificate .*no.pem cannot be read"),
        ('ca = "ca.pem"', 'ca = "wifi.txt"', "contains no certificate"),
        ('ca = "ca.pem"', "ca = [1]", "file name or a list"),
        ('ca = "ca.pem"', "", "tls.ca is missing"),
        (
            "boot_limit = 30",
            'boot_limit = "30"',
            "set.boot_limit is a text in quotes; it must be a whole number",
        ),
        (
            'ssid = "bench"',
            'link = "ethernet"',
            "net.link is 'ethernet'; it must be 'wifi' or 'usb'",
        ),
        ("boot_limit = 30", "insecure_http = 1", "is a whole number; it must be true or false"),
        ("made_at = 2026-11-21", 'made_at = "soon"', "not a date such as"),
        ('model = "Model X1"', "model = 1", "unit.model must be text"),
        ("[claim]", "[claim", "not valid TOML.*line 2"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, old: str, new: str, reason: str) -> None:
    """Each mistake gets one sentence with the file's name and the field's, and no secret."""
    assert old in GOOD
    with pytest.raises(BadInput, match=reason) as caught:
        load(folder, GOOD.replace(old, new, 1))
    assert KEY not in caught.value.message + caught.value.hint


def test_an_unknown_name_is_told_what_there_is(folder: Path) -> None:
    """A field is answered with its section's fields, and a section with the sections."""
    with pytest.raises(BadInput, match=r"unknown fields: net\.zone") as caught:
        load(folder, GOOD.replace("[net]", "[net]\nzone = 1", 1))
    assert caught.value.hint.startswith("[net] has link, ntp, password, ")
    with pytest.raises(BadInput, match="unknown fields: runn") as caught:
        load(folder, GOOD.replace("[run]", "[runn]", 1))
    assert caught.value.hint.startswith("Its sections are [claim], [net], ")


def test_a_file_without_claim_says_so(folder: Path) -> None:
    """An empty file is told what it needs."""
    with pytest.raises(BadInput, match=r"no section \[claim\]"):
        load(folder, "")


def test_a_missing_or_binary_file_says_so(tmp_path: Path) -> None:
    """A file that is not there, or is no text, is one sentence."""
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="is not UTF-16"):
        load_settings(tmp_path / "binary.toml")


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
def test_a_key_in_the_file_needs_a_private_file(folder: Path) -> None:
    """A key written into the settings is taken only from a file that nobody else can read."""
    inline = GOOD.replace('key_env = "CLAIM_KEY"', f'key = "{KEY}"')
    with pytest.raises(BadInput, match=r"holds claim\.key itself, and others can read") as caught:
        load(folder, inline)
    assert KEY not in caught.value.message + caught.value.hint
    path = folder / "settings.toml"
    assert caught.value.hint.endswith(f"chmod 600 {shlex.quote(str(path))}")
    path.chmod(0o600)
    assert load_settings(path, warn=pytest.fail).settings.claim.key == Secret(KEY)


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
def test_a_loose_secret_file_is_warned_about(folder: Path) -> None:
    """A password file that others can read is used, and said to be loose."""
    (folder / "wifi.txt").chmod(0o644)
    (folder / "settings.toml").write_text(GOOD)
    warnings: list[str] = []
    load_settings(folder / "settings.toml", environ={"CLAIM_KEY": KEY}, warn=warnings.append)
    assert len(warnings) == 1
    assert "chmod 600" in warnings[0]
    assert "bench-wifi" not in warnings[0]


def test_a_private_key_among_the_certificates_is_refused(folder: Path) -> None:
    """A CA file with the CA's private key in it never gets near a device."""
    ca = trustme.CA()
    (folder / "ca.pem").write_bytes(ca.cert_pem.bytes() + ca.private_key_pem.bytes())
    with pytest.raises(BadInput, match="contains a private key"):
        load(folder, GOOD)


def test_pem_bundles_and_der_give_the_same_bytes(folder: Path) -> None:
    """Two certificates in one PEM file, or one as DER, arrive as DER one by one."""
    import ssl

    pems = [trustme.CA().cert_pem.bytes() for _ in range(2)]
    ders = tuple(ssl.PEM_cert_to_DER_cert(pem.decode()) for pem in pems)
    (folder / "ca.pem").write_bytes(b"".join(pems))
    assert load(folder, GOOD).settings.tls.ca == ders
    (folder / "ca.pem").write_bytes(ders[0])
    assert load(folder, GOOD).settings.tls.ca == ders[:1]


def test_what_belongs_to_another_cloud_is_named_and_left_out(folder: Path) -> None:
    """A file that turns from one cloud to another keeps working, and says what is not used."""
    path = folder / "settings.toml"
    path.write_text(GOOD.replace('cloud = "rufus"', 'cloud = "rufus"\nlogin = "owner"'))
    warnings: list[str] = []
    told = load_settings(path, environ={"CLAIM_KEY": KEY}, warn=warnings.append)
    assert warnings == [
        f"{path}: claim.login is no setting of the cloud 'rufus', and is not used."
    ]
    assert [name for name, _ in told.settings.claim.own_fields()] == ["key"]


def test_an_expired_ca_and_a_server_certificate_are_warned_about(folder: Path) -> None:
    """A certificate that cannot work, or only by chance, is loaded with a warning."""
    ca = trustme.CA()
    past = datetime(2020, 1, 1, tzinfo=timezone(timedelta()))
    leaf = ca.issue_cert("localhost", not_after=past)
    (folder / "ca.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    (folder / "settings.toml").write_text(GOOD)
    warnings: list[str] = []
    load_settings(folder / "settings.toml", environ={"CLAIM_KEY": KEY}, warn=warnings.append)
    assert ["expired on 2020-01-01" in warnings[0], "not a CA certificate" in warnings[1]] == [
        True
    ] * 2


@pytest.mark.parametrize(
    ("value", "unix"),
    [
        (1_795_219_200, 1_795_219_200),
        ("1795219200", 1_795_219_200),
        ("2026-11-21", 1_795_219_200),
        (date(2026, 11, 21), 1_795_219_200),
        ("2026-11-21T02:00:00+02:00", 1_795_219_200),
        (datetime(2026, 11, 21, 0, 0, 1), 1_795_219_201),  # noqa: DTZ001 - TOML has such
    ],
)
def test_times_are_read_in_every_usual_form(value: Any, unix: int) -> None:
    """Numbers, dates and times give Unix seconds, UTC unless they say otherwise."""
    assert seconds(value, "made_at") == unix


RACE = """
[race]
dead_time = 5000
best = true
batch = 50
mark = false
servers = ["time.example", "10.0.0.1:1123"]
"""


def test_the_race_is_told_how_to_time(folder: Path) -> None:
    """[race] holds what the race role goes by; without it a device is told nothing of a race."""
    race = load(folder, GOOD + RACE, CLAIM_KEY=KEY).settings.race
    assert race is not None
    assert (race.dead_time, race.best, race.batch, race.mark) == (5000, True, 50, False)
    assert race.servers == ("time.example", "10.0.0.1:1123")
    assert load(folder, GOOD, CLAIM_KEY=KEY).settings.race is None


def test_whoever_times_and_has_no_run_key_is_told(folder: Path) -> None:
    """With [race] and no run.key, the warning names what is missing and what becomes of passings."""
    path = folder / "settings.toml"
    path.write_text((GOOD + RACE).replace('[run]\nkey = "same"\n', ""), encoding="utf-8")
    said: list[str] = []
    load_settings(path, environ={"CLAIM_KEY": KEY}, warn=said.append)
    (warning,) = said
    assert "run.key" in warning
    assert "sends none" in warning


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dead_time = -1", "race.dead_time is -1"),
        ("dead_time = 3600001", "race.dead_time"),
        ("dead_time = 1.5", "race.dead_time"),
        ("batch = 0", "race.batch is 0"),
        ("batch = 101", "from 1 to 100"),
        ("best = 1", "race.best"),
        ('servers = ["a b"]', "race.servers is not a list of host names"),
        ('servers = ["a,b"]', "race.servers is not a list of host names"),
        ("dead_tim = 1", "race.dead_tim (meant dead_time?)"),
    ],
)
def test_a_race_that_cannot_be(folder: Path, line: str, words: str) -> None:
    """A setting of the race that no device could go by is named, with its range."""
    with pytest.raises(BadInput) as caught:
        load(folder, f"{GOOD}\n[race]\n{line}\n", CLAIM_KEY=KEY)
    assert words in caught.value.message

"""The doctor's judgement, finding by finding."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from startline import events

from startline_host.boards import load_board
from startline_host.flows.doctor import check_cloud, check_port
from startline_host.flows.doctor.check_firmware import check_firmware
from startline_host.flows.doctor.check_tools import check_tools, fits
from startline_host.flows.doctor.finding import DoctorFinding, exit_code
from startline_host.flows.doctor.line_noise import diagnose_line, noise_in


def event(number: int, name: str = "wait") -> bytes:
    """Make the bytes of an event."""
    return events.encode(name, number, number * 10, {})


def told(findings: Iterator[DoctorFinding], verdict: str) -> list[str]:
    """Return the texts of the findings with that verdict."""
    return [finding.text for finding in findings if finding.verdict == verdict]


def test_every_finding_that_is_bad_has_a_remedy_and_an_exit_code() -> None:
    """What stands in the way says what to do about it, and ends the command as `up` would end."""
    for heard in (os.urandom(400), b"rst:0x10\r\n" * 5, b"invalid header: 0xffffffff\r\n" * 4):
        found = [one for one in diagnose_line(heard, 2.0, 115200) if one.verdict == "bad"]
        assert found
        assert all(one.remedy and one.exit_code for one in found)
        assert exit_code(found) == found[0].exit_code
    assert exit_code(diagnose_line(b"all is well here\r\n", 2.0, 115200)) == 0


def test_silence_is_nothing_bad() -> None:
    """A reader that is timing says nothing, so silence is only noted."""
    (finding,) = diagnose_line(b"", 2.0, 115200)
    assert finding.verdict == "note"
    assert "monitor --reset" in finding.remedy


def test_noise_is_told_from_text_in_any_language() -> None:
    """Random bytes are noise; UTF-8, boot messages, events and colours are not."""
    assert noise_in(bytes(range(128, 256)) * 3) > 0.9
    assert noise_in("Ñandú 起点\r\n".encode()) == 0
    assert noise_in(b"\x1b[0;32mI (27) boot\x1b[0m\r\n" + event(0)) == 0
    assert "noise at 115200 baud" in told(diagnose_line(bytes(200), 2.0, 115200), "bad")[0]


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        (b"invalid header: 0xffffffff\r\n", "no boot loader in its flash"),
        (b"waiting for download\r\n", "waits in its boot loader"),
        (b"The filesystem appears to be corrupted.\r\n", "file system is damaged"),
        (b"Brownout detector was triggered\r\n", "brown-out"),
        (b"rst:0x1 (POWERON_RESET)\r\n" * 3, "restarted 3 times"),
    ],
)
def test_a_chip_in_trouble_is_recognised(heard: bytes, words: str) -> None:
    """What a chip prints in its distress is translated, with the remedy."""
    assert any(words in text for text in told(diagnose_line(heard, 2.0, 115200), "bad"))


def test_lost_events_are_counted() -> None:
    """Gaps in the numbers tell how many events were lost; a restart is no gap."""
    whole = event(0, "boot") + event(1) + event(2)
    assert told(diagnose_line(whole, 2.0, 115200), "note") == []
    gap = whole + event(5) + event(0, "boot") + event(1)
    assert told(diagnose_line(gap, 2.0, 115200), "note") == ["2 of 8 events were lost on the way."]


@pytest.mark.parametrize(
    ("version", "wanted", "verdict"),
    [
        ("5.6.0", ">=5.6,<6", True),
        ("5.5.9", ">=5.6,<6", False),
        ("6", "<6,>=5.6", False),
        ("1.29.0.post2", "==1.29.*", True),
        ("1.30.0", "==1.29.*", False),
        ("1.28.0.2", "==1.28.0.2", True),
        ("2.0", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, wanted: str, verdict: bool) -> None:
    """The ranges that the package asks for are understood."""
    assert fits(version, wanted) is verdict


def test_the_tools_here_are_fit() -> None:
    """In the environment of the tests no tool is missing, and esptool runs."""
    found = list(check_tools())
    assert [one.text for one in found if one.verdict == "bad"] == []
    assert {"esptool", "mpremote", "esptool runs"} <= {one.what for one in found}


def test_a_tool_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without mpremote the finding says so and ends with 60."""
    from startline_host.flows.doctor import check_tools

    def version(name: str) -> str:
        if name == "mpremote":
            raise metadata.PackageNotFoundError(name)
        return "5.6.0"

    monkeypatch.setattr(metadata, "version", version)
    assert check_tools._tool("mpremote", "").exit_code == 60
    assert check_tools._tool("esptool", ">=6").text == "esptool is 5.6.0, and >=6 is needed."


def test_a_port_that_may_not_be_used_names_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is not in the port's group is told which, and how to join it or to log in anew."""
    path = tmp_path / "ttyUSB0"
    path.touch()
    group = path.group()
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(check_port, "_groups_by_name", set)
    (finding,) = check_port.check_port(str(path), 115200, 0.1)
    assert (finding.exit_code, finding.what) == (10, "permission")
    assert f"sudo usermod -a -G {group} $USER" in finding.remedy
    monkeypatch.setattr(check_port, "_groups_by_name", lambda: {group})
    (finding,) = check_port.check_port(str(path), 115200, 0.1)
    assert "log out and in again" in finding.remedy
    assert "usermod" not in finding.remedy


def test_a_port_that_is_not_there_is_named() -> None:
    """A missing port ends the examination of it."""
    (finding,) = check_port.check_port("/dev/no-such-port", 115200, 0.1)
    assert (finding.exit_code, finding.text) == (10, "There is no port /dev/no-such-port.")


def authority(begin: datetime, end: datetime) -> bytes:
    """Make a CA certificate with these dates, DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bench CA")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("begin", "end", "code", "words"),
    [
        (-10, 1000, 0, "valid until"),
        (-10, 30, 0, "expires on"),
        (-10, -1, 21, "expired on"),
        (5, 1000, 22, "still to come"),
    ],
)
def test_the_dates_of_a_ca_are_judged(begin: int, end: int, code: int, words: str) -> None:
    """A CA that has expired, is not valid yet, or soon will not be, is told apart."""
    now = datetime.now(UTC)
    der = authority(now + timedelta(days=begin), now + timedelta(days=end))
    (finding,) = check_cloud._authorities((der,))
    assert finding.exit_code == code
    assert words in finding.text
    assert "Bench CA" in finding.text


@pytest.mark.parametrize(
    ("ahead", "code", "words"),
    [
        (timedelta(seconds=30), 0, "agree"),
        (timedelta(minutes=-45), 22, "45 minutes behind"),
        (timedelta(days=400), 22, "400 days ahead of"),
    ],
)
def test_the_clock_is_compared_with_the_clouds(ahead: timedelta, code: int, words: str) -> None:
    """A clock that is off by more than two minutes is bad, since devices are made by it."""
    there = datetime.now(UTC)
    (finding,) = check_cloud._clock(there, lambda: there + ahead)
    assert finding.exit_code == code
    assert words in finding.text
    (finding,) = check_cloud._clock(None)
    assert finding.verdict == "note"


def test_a_firmware_that_was_tampered_with_is_found(tmp_path: Path) -> None:
    """The cached file's digest is checked; a file that is not there yet is only noted."""
    board = load_board("ESP32_GENERIC")
    assert check_firmware(board, tmp_path).verdict == "note"
    (tmp_path / board.firmware.file).write_bytes(b"\xe9" + bytes(100))
    finding = check_firmware(board, tmp_path)
    assert finding.exit_code == 60
    assert "was expected" in finding.text
    assert check_firmware(load_board("VIRTUAL_ESP32"), tmp_path).verdict == "good"

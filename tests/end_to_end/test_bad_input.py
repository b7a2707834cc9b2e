"""What a person can get wrong: one clear sentence, a documented exit code, nothing half done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from startline_host.device.port_lock import PortLock
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import SERIAL, Done, Startline

Start = Callable[..., VirtualEsp32]


def one_sentence(done: Done) -> str:
    """Return the sentence that a failed command says, after checking that it is all there is."""
    assert not done.out
    said = [line for line in done.err.splitlines() if line.startswith("startline: ")]
    assert len(said) == 1, done.err
    return said[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--serial", ""], "serial number is empty"),
        ([], "serial number is empty"),
        (["--serial", "x" * 65], "serial number has 65 bytes"),
        (["--serial", "S\udce9"], "serial number is not valid UTF-8"),
        (["--serial", "S\n1"], "serial number holds a control character"),
        (["--serial", "S1", "--model", "ü" * 33], "model has 66 bytes"),
        (["--serial", "S1", "--model", "\udcff"], "model is not valid UTF-8"),
        (["--serial", "S1", "--alias", "\x1b[31m"], "alias holds a control character"),
        (["--serial", "S1", "--made-at", "soon"], "not a date"),
        (["--serial", "S1", "--mac", "24:6f"], "MAC"),
        (["--serial", "S1", "--settings", "none.toml"], "none.toml cannot be read"),
        (["--serial", "S1", "--board", "NO_SUCH"], "no board 'NO_SUCH'"),
    ],
)
def test_a_wrong_unit_is_refused_before_the_port_is_opened(
    startline: Startline, settings_file: Path, options: list[str], words: str
) -> None:
    """What is given is checked first: the port, which does not exist, is not even tried."""
    done = startline("up", "-p", "/dev/no-such-port", *options)
    assert done.code == 60, done.err
    assert words in one_sentence(done)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("cloud = ", "clod = "), "claim.clod (meant cloud?)"),
        (("[net]", "[nett]"), "nett"),
        (('key_env = "CLAIM_KEY"', ""), "needs claim.key"),
        (('ca = "ca.pem"', ""), "tls.ca is missing"),
        (('ssid = "bench"', 'ssid = ""'), "net.ssid"),
        (("[claim]", "[claim"), "not valid TOML"),
    ],
)
def test_a_wrong_settings_file_names_what_is_wrong(
    startline: Startline, settings_file: Path, change: tuple[str, str], words: str
) -> None:
    """Unknown and missing fields are named, and the file that they are in."""
    settings_file.write_text(settings_file.read_text().replace(*change, 1))
    done = startline("up", "-p", "/dev/no-such-port", "--serial", SERIAL)
    assert done.code == 60, done.err
    assert words in one_sentence(done)
    assert "settings.toml" in done.err


@pytest.mark.parametrize("verb", ["up", "flash"])
def test_an_app_that_cannot_run_is_refused_before_the_port_is_opened(
    startline: Startline, settings_file: Path, tmp_path: Path, verb: str
) -> None:
    """A syntax error in app.py, or an app without main, stops the command (60)."""
    (tmp_path / "mine").mkdir()
    words = ["--serial", SERIAL] if verb == "up" else []
    for source, said in (("def main(device:", "app.py does not compile"), ("x = 1", "no main")):
        (tmp_path / "mine" / "app.py").write_text(source)
        done = startline(verb, "-p", "/dev/no-such-port", "--app", "mine", *words)
        assert done.code == 60, done.err
        assert said in one_sentence(done)


@pytest.mark.parametrize(
    "url", ["/dev/no-such-port", "rfc2217://127.0.0.1:1", "socket://127.0.0.1:1"]
)
def test_a_missing_port_is_exit_10(startline: Startline, settings_file: Path, url: str) -> None:
    """A port that is not there is said not to be, whatever kind it is of."""
    done = startline("up", "-p", url, "--serial", SERIAL)
    assert done.code == 10, done.err
    one_sentence(done)


def test_without_any_port_the_command_says_how_to_name_one(
    startline: Startline, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing looks like a reader, the way to name a port is told."""
    monkeypatch.setattr("startline_host.device.ports.list_serial_ports", list)
    done = startline("up", "--serial", SERIAL)
    assert done.code == 10
    assert "Name one with -p" in done.err


def test_a_port_in_use_is_exit_10(startline: Startline, settings_file: Path, start: Start) -> None:
    """A port that another command holds is left alone, and its holder is named."""
    chip = start()
    with PortLock(chip.url):
        done = startline("up", "-p", chip.url, "--serial", SERIAL)
    assert done.code == 10
    assert f"in use by process {os.getpid()}" in one_sentence(done)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('chip = "esp32"', 'chip = "esp32s3"'), "The chip is an ESP32, and the board"),
        (("0x400000", "0x800000"), "has 4 MiB of flash, and the board"),
    ],
)
def test_another_board_is_refused_before_anything_is_erased(
    startline: Startline,
    settings_file: Path,
    start: Start,
    flash: Path,
    change: tuple[str, str],
    words: str,
) -> None:
    """A chip or a flash that is not the board's ends with 11, and the flash is as it was."""
    from startline_host.boards import data_folder

    profile = (data_folder("boards") / "VIRTUAL_ESP32" / "board.toml").read_text()
    board = flash.with_name("board.toml")
    board.write_text(
        profile.replace(*change, 1).replace("0x1000", "0x0" if "s3" in change[1] else "0x1000")
    )
    chip = start()
    before = flash.read_bytes()
    done = startline("up", "-p", chip.url, "--board", str(board), "--serial", SERIAL)
    assert done.code == 11, done.err
    assert words in one_sentence(done)
    assert flash.read_bytes() == before


def test_another_unit_s_chip_is_refused(
    startline: Startline,
    settings_file: Path,
    start: Start,
    load_flash: Callable[..., None],
    flash: Path,
) -> None:
    """A unit that is made for one chip is not written to another."""
    load_flash()
    chip = start()
    before = flash.read_bytes()
    done = startline("up", "-p", chip.url, "--serial", SERIAL, "--mac", "24-6F-28-00-00-99")
    assert done.code == 11, done.err
    assert "24:6f:28:00:00:99" in one_sentence(done)
    assert flash.read_bytes() == before


def test_a_device_that_says_nothing_is_exit_12(
    startline: Startline, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port with nothing alive behind it ends with 12 and what to check."""
    import pty
    import tty

    monkeypatch.setattr("startline_host.flows.loading._LONG", 1.0)
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        done = startline("up", "-p", os.ttyname(slave), "--serial", SERIAL)
    finally:
        os.close(master)
        os.close(slave)
    assert done.code == 12, done.err
    assert "No boot loader answers" in one_sentence(done)


def test_secrets_show_up_nowhere(
    startline: Startline, settings_file: Path, start: Start, load_flash: Callable[..., None]
) -> None:
    """Neither what the command prints nor what it prints on failure holds a key or password."""
    load_flash()
    chip = start({"access_points": {}})
    done = startline("up", "-p", chip.url, "--serial", SERIAL, "--json")
    assert done.code == 20
    said = done.out + done.err
    for name in ("CLAIM_KEY", "WIFI_PASSWORD", "STARTLINE_READ_KEY"):
        assert os.environ[name] not in said


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    """`python -m startline_host up --help` tells the options and ends with 0."""
    done = subprocess.run(
        [sys.executable, "-m", "startline_host", "up", "--help"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "firmware", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--allow-bound" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80

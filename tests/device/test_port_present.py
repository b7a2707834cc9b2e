"""The port is looked at before anything is fetched for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from startline_host.cli import startline
from startline_host.device.port import check_present
from startline_host.errors import BadInput, NoSuchPort
from startline_host.flows.firmware_store import FirmwareStore
from startline_host.lab.lab_reader import LabReader


def test_only_a_port_of_this_computer_can_be_missed(tmp_path: Path) -> None:
    """What a server offers is asked when it is opened; a kind that is none is refused at once."""
    check_present("socket://127.0.0.1:1")
    check_present(str(tmp_path))
    with pytest.raises(NoSuchPort, match="There is no port /dev/nope"):
        check_present("/dev/nope")
    with pytest.raises(BadInput):
        check_present("http://localhost")


@pytest.mark.parametrize(
    "words",
    [["flash"], ["up", "--serial", "A-1"], ["bench", "--ssid", "x"], ["raceday", "--ssid", "x"]],
)
def test_a_missing_port_is_named_before_the_firmware_is_fetched(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every verb that loads a board ends with that sentence, and asks no server for anything."""
    _no_fetching(monkeypatch)
    ended = CliRunner().invoke(startline, [*words, "-p", "/dev/nope"])
    assert isinstance(ended.exception, NoSuchPort), ended.output
    assert ended.exception.message == "There is no port /dev/nope."


def test_a_lab_looks_at_the_port_first_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of a test lab whose port is gone is named as such."""
    _no_fetching(monkeypatch)
    reader = LabReader("/dev/nope", "ESP32_GENERIC", settings=Path("settings.toml"))
    with pytest.raises(NoSuchPort, match="There is no port /dev/nope"):
        reader.up({"serial": "A-1"})


def _no_fetching(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetched(*_words: object) -> None:
        pytest.fail("the firmware was asked for")

    monkeypatch.setattr(FirmwareStore, "obtain", fetched)
    # Settings are checked before, and are no matter here.
    for module in ("cli.up", "lab.lab_reader"):
        monkeypatch.setattr(f"startline_host.{module}.make_provision", lambda *_, **__: None)

"""Board profiles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner

from startline_host import boards
from startline_host.boards import Board, board_names, data_folder, load_board
from startline_host.cli.boards import command
from startline_host.cli.ports import command as ports
from startline_host.errors import BadInput
from startline_host.formats.firmware_file import split_firmware
from startline_host.formats.flash_plan import make_plan
from startline_host.formats.synthetic_firmware import synthetic_firmware

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
name = "MINE"
title = "Mine"
chip = "esp32"
flash_size = 0x400000
firmware_offset = 0x1000
[firmware]
version = "1.29.0"
synthetic = true
"""

TWICE = """[[firmware]]
version = "1.29.0"
file = "a.bin"
url = "https://example.invalid/a.bin"
"""


@pytest.mark.parametrize("name", board_names())
def test_every_profile_loads_and_makes_a_plan(name: str) -> None:
    """Each board and variant keeps the schema, and a firmware of its structure fits its flash."""
    board = load_board(name)
    assert board.full_name == name
    assert board.name == name.partition(":")[0]
    firmware = split_firmware(synthetic_firmware(board, version=board.firmware.version), board)
    plan = make_plan(board, firmware)
    assert plan.table.end == board.flash_size
    assert plan.get("boot loader").offset == board.firmware_offset


def test_the_boards_of_the_project_are_there() -> None:
    """The virtual board, the generic ESP32 with its flash sizes, and S3 and C3 can be named."""
    assert {
        "VIRTUAL_ESP32",
        "ESP32_GENERIC",
        "ESP32_GENERIC:8M",
        "ESP32_GENERIC:16M",
        "ESP32_GENERIC_S3",
        "ESP32_GENERIC_C3",
    } <= set(board_names())
    assert load_board("ESP32_GENERIC:16M").flash_size == 16 << 20
    assert load_board("ESP32_GENERIC:16M").firmware == load_board("ESP32_GENERIC").firmware


def test_the_pinned_firmware_is_the_official_one() -> None:
    """The newest verified version is the default, the oldest supported one can be had."""
    pin = load_board("ESP32_GENERIC").firmware
    assert (pin.file, pin.size) == ("ESP32_GENERIC-20250911-v1.26.1.bin", 1_734_416)
    assert pin.sha256 == "6b5272b6edd15fc4d1627ec559a27a5d5a7b86e5ea7f8013941eb10c877edd4e"
    pin = load_board("ESP32_GENERIC:8M", "v1.23.0").firmware
    assert (pin.file, pin.size) == ("ESP32_GENERIC-20240602-v1.23.0.bin", 1_734_240)
    assert pin.sha256 == "5e442176c7e90347aa102915077dda59f795af190f907f3919ee1e4e57984716"


@pytest.mark.parametrize(
    ("digests", "usual"),
    [
        ({}, "1.27.0"),
        ({"1.9.4": "a"}, "1.9.4"),
        ({"1.9.4": "a", "1.27.0-preview.3": "b"}, "1.27.0-preview.3"),
        ({"1.26": "a", "1.27.0": "b"}, "1.27.0"),
    ],
)
def test_the_newest_version_with_a_digest_is_the_default(
    tmp_path: Path, digests: dict[str, str], usual: str
) -> None:
    """Versions are compared as numbers, a preview comes before its release."""
    path = tmp_path / "board.toml"
    text = GOOD.partition("[firmware]")[0]
    for version in ("1.9.4", "1.27.0", "1.26", "1.27.0-preview.3"):
        text += f"""[[firmware]]
version = "{version}"
file = "v{version}.bin"
url = "https://example.invalid/v{version}.bin"
"""
        text += f'sha256 = "{digests[version] * 64}"\n' if version in digests else ""
    path.write_text(text)
    board = load_board(str(path))
    order = [pin.version for pin in board.firmware_versions]
    assert order == ["1.27.0", "1.27.0-preview.3", "1.26", "1.9.4"]
    assert board.firmware.version == usual
    assert load_board(str(path), "1.26").firmware.file == "v1.26.bin"


def test_a_version_that_is_not_listed_is_told_the_others() -> None:
    """Which versions there are, and how to take one of one's own, stand in the hint."""
    with pytest.raises(BadInput, match=r"ESP32_GENERIC:16M has no firmware '1\.22\.0'") as caught:
        load_board("ESP32_GENERIC:16M", "1.22.0")
    assert "1.26.1, 1.25.0, 1.24.1, 1.23.0" in caught.value.hint
    assert "--firmware" in caught.value.hint


@pytest.mark.parametrize("verb", ["flash", "up", "build", "line", "bench"])
def test_a_version_and_a_file_are_one_too_many(verb: str) -> None:
    """Firmware is chosen by its version or by its file, with every verb that loads one."""
    from startline_host.cli import startline

    words = {"build": ["--serial", "1"], "line": ["U-{n}", "--count", "1", "--virtual", "1"]}
    chosen = ["--firmware-version", "1.23.0", "--firmware", "x.bin"]
    result = CliRunner().invoke(startline, [verb, *words.get(verb, []), *chosen])
    assert result.exit_code == 2, result.output


def test_offsets_are_those_of_the_chips() -> None:
    """ESP32 boots from 0x1000, S3 and C3 from 0."""
    offsets = {load_board(name).chip: load_board(name).firmware_offset for name in board_names()}
    assert offsets == {"esp32": 0x1000, "esp32s3": 0, "esp32c3": 0}


def test_an_led_is_a_pin_and_the_level_that_lights_it() -> None:
    """A device takes both as one number: the pin, plus 128 for one that a low level lights."""
    led = load_board("ESP32_GENERIC").led
    assert led is not None
    assert led.setting == led.pin == 2
    assert msgspec.structs.replace(led, active=0).setting == 130
    assert load_board("ESP32_GENERIC_C3").led is None


def test_each_folder_is_named_after_its_board() -> None:
    """A profile's name is its folder's, so that what is listed can be loaded."""
    for path in data_folder("boards").glob("*/board.toml"):
        assert load_board(str(path)).name == path.parent.name


@pytest.mark.parametrize("name", ["NOPE", "", "../boards/ESP32_GENERIC", "ESP32_GENERIC:3M"])
def test_an_unknown_board_is_told_the_known_ones(name: str) -> None:
    """A wrong name is one sentence, with the names to choose from."""
    with pytest.raises(BadInput) as caught:
        load_board(name)
    assert "16M" in caught.value.hint


def test_a_profile_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    """A board that is not among ours is named by its file."""
    path = tmp_path / "board.toml"
    path.write_text(GOOD)
    assert load_board(str(path)).name == "MINE"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('chip = "esp32"', 'chip = "esp8266"', "unknown chip"),
        ('chip = "esp32"', "", "there is no chip"),
        ('chip = "esp32"', 'chip = "esp32"\ncihp = 1', r"there is no field cihp \(meant chip\?\)"),
        ("0x400000", "0x300000", "not a power of two"),
        ("0x400000", '"4MB"', "flash_size is a text in quotes; it must be a whole number"),
        ("0x1000", "0x1234", "no chip boots from"),
        (
            "0x400000",
            "0x400000\nrace_size = 0x100001",
            "race_size 1048577 is not a multiple of 4096, a sector of flash\\.$",
        ),
        (
            "0x400000",
            "0x400000\nrace_size = 0x300000",
            "race_size 3145728 is more than half of the flash\\.$",
        ),
        ("synthetic = true", "", "needs file and url, or synthetic"),
        ("synthetic = true", 'file = "a.bin"', "needs file and url"),
        ("synthetic = true", 'file = "a.bin"\nurl = "http://x/a.bin"', "not https"),
        ("synthetic = true", 'synthetic = true\nsha256 = "xyz"', "sha256"),
        ("synthetic = true", 'file = "../a.bin"\nurl = "https://x/a.bin"', "file"),
        ("synthetic = true", 'file = "/etc/a.bin"\nurl = "https://x/a.bin"', "file"),
        ("synthetic = true", 'file = "firmware.lock"\nurl = "https://x/a"', "file"),
        ('"1.29.0"', '"latest"', "version"),
        ("[firmware]", "[firm]", r"no field firm \(meant firmware\?\)"),
        ('[firmware]\nversion = "1.29.0"\nsynthetic = true', "", "lists no"),
        ("[firmware]", "firmware = 3\n[led]", "there is no led.pin|firmware is a whole number"),
        ("[firmware]", "[variants]\neight = 8\n[firmware]", "variants.eight is a whole number"),
        ("[firmware]", "[variants]\n[variants.x]\nname = 'B'\n[firmware]", "no field variants.x"),
        ("[firmware]", "[baud]\nconsole = 0\n[firmware]", "console is 0; it must be a rate"),
        ("[firmware]", "[led]\npin = 'a'\n[firmware]", "led.pin is a text in quotes; it must"),
        (
            "[firmware]",
            "[led]\npin = 2\ncolour = 1\n[firmware]",
            "no field led.colour; there are pin, active",
        ),
        ("synthetic = true", "synthetic = true\nsize = -1", "firmware.size is -1; it must be a"),
        ("0x400000", "0x200000", "needs at least 4 MiB"),
        ("0x400000", "-4194304", "needs at least 4 MiB"),
        ('"MINE"', '"My Board"', "name is 'My Board'; it must be letters, digits"),
        ('"MINE"', '"MINE"\nvariant = "x"', "no field variant"),
        ('"MINE"', '"MINE"\nusb_ids = ["1A86:7523"]', "usb_ids.0. is '1A86:7523'; it must be vid"),
        ("[firmware]", TWICE + "[[firmware]]", "the same version"),
        ("[firmware]", "[firmware", "not valid TOML"),
        ("[firmware]", "[led]\npin = 6\n[firmware]", "GPIO 6 of an esp32 can carry no LED"),
        ("[firmware]", "[led]\npin = 34\n[firmware]", "can carry no LED"),
        ("[firmware]", "[led]\npin = -1\n[firmware]", "can carry no LED"),
        ("[firmware]", "[led]\npin = 130\n[firmware]", "can carry no LED"),
        ("[firmware]", "[led]\npin = 2\nactive = 2\n[firmware]", "active"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_field(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    """Unknown, missing and nonsensical fields are named with the file."""
    path = tmp_path / "board.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(BadInput, match=reason):
        load_board(str(path))


@pytest.fixture
def own_boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of boards with a good one, `my-board`, which has a variant."""
    variant = "[variants.8M]\nflash_size = 0x800000\n"
    _put(tmp_path / "my-board", GOOD.replace("MINE", "my-board") + variant)
    monkeypatch.setattr(boards, "data_folder", lambda name: tmp_path)
    return tmp_path


def _put(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "board.toml").write_text(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = ", "is not valid TOML"),
        (GOOD + "[variants]\neight = 8\n", "variants.eight is a whole number"),
        (GOOD + "[variants.8M]\nflash_size = 8\n", "flash_size 8 is not"),
        (GOOD.replace("MINE", "OTHER"), "name is 'OTHER'; it must be that of its folder, 'MINE'"),
    ],
)
def test_a_broken_board_stops_no_other(own_boards: Path, text: str, reason: str) -> None:
    """It is named where boards are listed or it is asked for; ports and other boards go on."""
    _put(own_boards / "MINE", text)
    listed = CliRunner().invoke(command, [])
    assert listed.exit_code == 0, listed.output
    shown = [line.split()[0] for line in listed.stdout.splitlines()]
    assert [name for name in shown if name.startswith("my")] == ["my-board", "my-board:8M"]
    assert listed.stderr.count("Warning: ") == 1
    assert reason in listed.stderr
    assert CliRunner().invoke(ports, []).exit_code == 0
    with pytest.raises(BadInput, match=reason):
        load_board("MINE:8M" if "8M" in text else "MINE")


def test_what_is_listed_can_be_named(own_boards: Path) -> None:
    """A folder's name may have a hyphen; one that no option takes is refused with the reason."""
    _put(own_boards / "My Board", GOOD.replace("MINE", "My Board"))
    assert load_board("my-board:8M").flash_size == 8 << 20
    assert load_board(f"{own_boards}/my-board/board.toml:8M").full_name == "my-board:8M"
    with pytest.raises(BadInput, match="name is 'My Board'; it must be letters, digits"):
        load_board("My Board")


def test_the_list_shows_every_board() -> None:
    """`startline boards` prints a line for each board and variant, with its pin."""
    lines = CliRunner().invoke(command, []).output.splitlines()
    assert [line.split()[0] for line in lines] == board_names()
    assert all(len(line) <= 80 for line in lines)


def test_the_json_list_is_whole() -> None:
    """With --json the profiles come out as they are, and load again."""
    result = CliRunner().invoke(command, ["--json", "ESP32_GENERIC:8M"])
    (profile,) = json.loads(result.output)["boards"]
    assert msgspec.convert(profile, Board) == load_board("ESP32_GENERIC:8M")


def test_the_book_names_the_chips_and_the_least_flash() -> None:
    """The page on boards names every chip that a profile may, and the size that is needed."""
    page = (data_folder("boards").parent / "docs" / "how-to" / "add-a-board.md").read_text()
    assert all(f"`{chip}`" in page for chip in boards._NO_LED)
    assert boards.NEEDED_FLASH.removesuffix(".") in page

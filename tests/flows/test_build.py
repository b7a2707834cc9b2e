"""Builds: files, manifest, and that they are the same every time."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner, Result

from startline_host import cli
from startline_host.boards import Board, load_board
from startline_host.cli.build import command
from startline_host.errors import BadInput
from startline_host.flows.build import Manifest, build, file_names
from startline_host.flows.firmware_store import FirmwareStore
from startline_host.flows.recipe import Recipe
from startline_host.formats.bytecode import device_files
from startline_host.formats.esp_image import parse_image
from startline_host.formats.littlefs_image import read_filesystem
from startline_host.formats.nvs_lookup import NvsLookup
from startline_host.formats.partitions import parse_table
from startline_host.formats.synthetic_firmware import synthetic_firmware

if TYPE_CHECKING:
    from startline_host.formats.factory_partition import DeviceSettings
    from startline_host.formats.units import Unit
    from tests.formats.conftest import Mount

NAMES = ["nvs", "phy_init", "factory", "vfs", "race", "bind", "fctry"]


def recipe_for(
    name: str, settings: DeviceSettings, folder: Path, files: dict[str, bytes] | None = None
) -> Recipe:
    """Make a recipe for a board: the firmware from $STARTLINE_TEST_FIRMWARE where it fits it."""
    board = load_board(name)
    official = os.environ.get("STARTLINE_TEST_FIRMWARE")
    path = Path(official) if official and Path(official).name == board.firmware.file else None
    if path is None:
        folder.mkdir(exist_ok=True)
        path = folder / f"own-{board.chip}.bin"
        path.write_bytes(synthetic_firmware(board, version=board.firmware.version))
    chosen = FirmwareStore(folder, confirm=lambda _seen: True).obtain(board, path)
    return Recipe(board, chosen, files or {"/main.py": b"print(1)\n"}, settings)


@pytest.mark.parametrize(
    "name",
    [
        "VIRTUAL_ESP32",
        "ESP32_GENERIC",
        "ESP32_GENERIC:16M",
        "ESP32_GENERIC_S3",
        "ESP32_GENERIC_C3",
    ],
)
def test_the_merged_file_is_a_whole_sound_flash(
    name: str, settings: DeviceSettings, unit: Unit, tmp_path: Path
) -> None:
    """In the one file for a blank chip every part is sound and in its place, on every chip."""
    recipe = recipe_for(name, settings, tmp_path / "cache", device_files())
    manifest = build(recipe, [unit], tmp_path / "out", merged=True)
    flash = (tmp_path / "out" / "merged.bin").read_bytes()
    board = recipe.board
    assert len(flash) == board.flash_size
    boot = parse_image(flash[board.firmware_offset : 0x8000])
    app = parse_image(flash[0x10000:])
    assert (boot.chip, app.chip) == (board.chip, board.chip)
    assert boot.flash_size == board.flash_size
    assert boot.has_digest
    assert app.has_digest
    table = parse_table(flash[0x8000:0x9000])
    assert [row.name for row in table] == NAMES
    vfs, fctry = table.get("vfs"), table.get("fctry")
    assert "/lib/startline/__init__.mpy" in read_filesystem(flash[vfs.offset : vfs.end])
    image = flash[fctry.offset : fctry.end]
    nvs = NvsLookup(lambda offset, length: image[offset : offset + length], len(image))
    assert nvs.get("factory", "serial") == "DEVICE-123"
    assert "erases" in manifest.warning


def test_the_plan_of_a_build_writes_none_of_nvs(
    settings: DeviceSettings, unit: Unit, tmp_path: Path
) -> None:
    """What goes to a device writes nothing from 0x9000 to 0xEFFF, nor anything of bind."""
    plan = recipe_for("ESP32_GENERIC", settings, tmp_path).plan(unit)
    bind = plan.table.get("bind")
    for low, high in ((0x9000, 0x10000), (bind.offset, bind.end)):
        assert all(region.erased_end <= low or region.offset >= high for region in plan)


def test_its_file_system_mounts_in_the_real_vm(
    settings: DeviceSettings, unit: Unit, mount: Mount, tmp_path: Path
) -> None:
    """The vfs of a build mounts in MicroPython with exactly its partition's size."""
    files = device_files()
    recipe = recipe_for("ESP32_GENERIC", settings, tmp_path / "cache", files)
    build(recipe, [unit], tmp_path / "out")
    seen = mount((tmp_path / "out" / "vfs.bin").read_bytes())
    assert seen.blocks == recipe.base.table.get("vfs").size // 4096
    assert seen.files == files


def contents(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_build_is_reproducible_bit_for_bit(
    settings: DeviceSettings, unit: Unit, tmp_path: Path
) -> None:
    """Two builds of the same input in different places are the same files, manifest included."""
    for place in ("a", "deeper/b"):
        recipe = recipe_for("VIRTUAL_ESP32", settings, tmp_path / "cache", device_files())
        build(recipe, [unit], tmp_path / place, merged=True)
    assert contents(tmp_path / "a") == contents(tmp_path / "deeper/b")


def test_the_manifest_names_every_file_with_its_digest(
    settings: DeviceSettings, unit: Unit, tmp_path: Path
) -> None:
    """Each file of the folder stands in the manifest with size and SHA-256, and no secret does."""
    out = tmp_path / "out"
    build(recipe_for("VIRTUAL_ESP32", settings, tmp_path / "cache"), [unit], out)
    text = (out / "manifest.json").read_text()
    manifest = msgspec.json.decode(text, type=Manifest)
    files = contents(out)
    del files["manifest.json"]
    assert {file.file: (file.size, file.sha256) for file in manifest.files()} == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
    }
    assert "ror-" not in text
    assert "bench-wifi" not in text


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
def test_files_with_keys_are_private(settings: DeviceSettings, unit: Unit, tmp_path: Path) -> None:
    """Factory partitions and merged files are readable for their owner only."""
    out = tmp_path / "out"
    build(recipe_for("VIRTUAL_ESP32", settings, tmp_path / "cache"), [unit], out, merged=True)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()}
    assert (modes["fctry.bin"], modes["merged.bin"]) == (0o600, 0o600)


def test_a_list_of_units_gives_one_factory_partition_each(
    settings: DeviceSettings, unit: Unit, tmp_path: Path
) -> None:
    """Units share all other files; an odd serial number still gets a name of its own."""
    units = [
        msgspec.structs.replace(unit, serial=serial) for serial in ("A-1", "a/1", "a_1", "起")
    ]
    out = tmp_path / "out"
    manifest = build(recipe_for("VIRTUAL_ESP32", settings, tmp_path / "cache"), units, out)
    names = [built.fctry.file for built in manifest.units]
    assert names[0] == "fctry-A-1.bin"
    assert len({name.lower() for name in names}) == 4
    assert {path.name for path in out.iterdir()} == {
        "boot-loader.bin", "partition-table.bin", "application.bin", "vfs.bin", "manifest.json", *names,
    }  # fmt: skip
    assert len({built.fctry.sha256 for built in manifest.units}) == 4


def test_file_names_are_safe(unit: Unit) -> None:
    """No serial number leads out of the folder or collides with another's file."""
    units = [msgspec.structs.replace(unit, serial=text) for text in ("../x", "..", "CON", "con")]
    names = file_names(units)
    assert all("/" not in name and name.startswith("-") for name in names)
    assert len({name.lower() for name in names}) == 4


def test_a_second_build_replaces_the_first_and_nothing_else(
    settings: DeviceSettings, unit: Unit, tmp_path: Path
) -> None:
    """Files of an earlier build go; a folder with other files is refused and left alone."""
    out = tmp_path / "out"
    recipe = recipe_for("VIRTUAL_ESP32", settings, tmp_path / "cache")
    two = [unit, msgspec.structs.replace(unit, serial="OTHER")]
    build(recipe, two, out, merged=True)
    build(recipe, [unit], out)
    assert "fctry-OTHER.bin" not in contents(out)
    (out / "thesis.txt").write_text("mine")
    before = contents(out)
    with pytest.raises(BadInput, match=r"holds files of another kind, thesis\.txt"):
        build(recipe, two, out)
    assert contents(out) == before


def test_a_failed_build_leaves_nothing(
    settings: DeviceSettings, unit: Unit, tmp_path: Path
) -> None:
    """Where a unit cannot be built the folder stays away, and no half-made one is left beside it."""
    large = msgspec.structs.replace(
        settings, tls=msgspec.structs.replace(settings.tls, ca=(bytes(16000),))
    )
    recipe = recipe_for("VIRTUAL_ESP32", large, tmp_path / "cache")
    with pytest.raises(BadInput, match="do not fit"):
        build(recipe, [unit], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_firmware_too_old_for_the_agent_is_refused(
    board: Board, settings: DeviceSettings, tmp_path: Path
) -> None:
    """A sound firmware of 1.22 is refused for the agent's sake."""
    path = tmp_path / "old.bin"
    path.write_bytes(synthetic_firmware(board, version="1.22.2"))
    chosen = FirmwareStore(tmp_path, confirm=lambda _seen: True).obtain(board, path)
    with pytest.raises(BadInput, match=r"MicroPython 1\.22\.2; the agent needs 1\.23"):
        Recipe(board, chosen, device_files(), settings)


SETTINGS = """
[claim]
cloud = "rufus"
base_url = "http://localhost:8080/v0"
key_env = "CLAIM_KEY"
[set]
insecure_http = true
[unit]
model = "Model X1"
made_at = 2026-11-21
"""


def run(tmp_path: Path, *arguments: str) -> Result:
    """Run `startline build` on a settings file in the folder."""
    (tmp_path / "s.toml").write_text(SETTINGS)
    common = ["--board", "VIRTUAL_ESP32", "--settings", str(tmp_path / "s.toml")]
    environment = {"CLAIM_KEY": "ror-secret", "STARTLINE_CACHE": str(tmp_path / "cache")}
    return CliRunner().invoke(
        command, [*common, "--out", str(tmp_path / "out"), *arguments], env=environment
    )


def test_the_command_builds_and_says_what_it_made(tmp_path: Path) -> None:
    """`startline build` prints a line for each file, and that a merged one erases."""
    result = run(tmp_path, "--serial", "DEVICE-123", "--merged")
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 6
    assert "erases its record" in result.stderr
    assert "ror-secret" not in result.output


def test_the_command_takes_a_list_and_gives_json(tmp_path: Path) -> None:
    """With --units and --json the result holds the manifest."""
    (tmp_path / "units.csv").write_text("serial\nA\nB\n")
    result = run(tmp_path, "--units", str(tmp_path / "units.csv"), "--json")
    manifest = msgspec.convert(json.loads(result.stdout)["manifest"], Manifest)
    assert [unit.serial for unit in manifest.units] == ["A", "B"]


@pytest.mark.parametrize(
    "arguments", [[], ["--serial", "A", "--units", "u.csv"], ["--units", "u.csv", "--model", "M"]]
)
def test_one_unit_or_a_list(tmp_path: Path, arguments: list[str]) -> None:
    """Neither, both, or a mixture of one unit and a list is a usage error."""
    assert run(tmp_path, *arguments).exit_code == 2


def test_bad_input_ends_with_60_through_the_whole_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A settings file that is not there is a sentence on stderr and exit code 60."""
    with pytest.raises(SystemExit) as left:
        cli.main(
            [
                "build",
                "--board",
                "VIRTUAL_ESP32",
                "--settings",
                str(tmp_path / "no"),
                "--serial",
                "A",
            ]
        )
    assert left.value.code == 60
    assert "cannot be read" in capsys.readouterr().err

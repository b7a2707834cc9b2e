"""`startline build`: the exact bytes for a board, as files."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec
import rich_click as click

from startline_host.cli import options, output, results
from startline_host.flows.build import Manifest, build
from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.flows.preflight import check_offline
from startline_host.flows.recipe import Recipe
from startline_host.flows.settings_file import load_settings
from startline_host.flows.web_installer import build_web
from startline_host.flows.web_installer.npm_packages import tool_version
from startline_host.formats.bytecode import device_files, owner_files
from startline_host.formats.unit_list import load_units, make_unit
from startline_host.util import counted


@click.command("build")
@options.board_option
@options.settings_option
@click.option("--units", "unit_list", type=options.FILE, help="List of units, CSV or .xlsx.")
@click.option("--encoding", default="", help="Of the list, if not UTF-8: windows-1252 …")
@options.unit_options
@options.firmware_version_option
@options.firmware_file_option
@click.option(
    "--accept-firmware",
    metavar="SHA256",
    help="Trust this SHA-256 for a firmware file without a known digest.",
)
@click.option(
    "--app", "app_folder", type=options.FILE, help="Folder with app.py and data for vfs."
)
@click.option("--merged", is_flag=True,
              help="Also one file of the whole flash, for a blank chip: it ERASES a binding.")  # fmt: skip
@click.option("--out", type=options.FILE, default="build/images", show_default=True,
              help="Folder for the files.")  # fmt: skip
@click.option("--web", type=options.FILE, metavar="DIR",
              help="Instead: a folder for a web server, from which a browser loads readers and sets "
              "up their Wi-Fi. It holds no unit and no settings.")  # fmt: skip
@click.option("--node-modules", type=options.FILE, metavar="DIR",
              help="With --web: folder with esp-web-tools in it; otherwise npm fetches it.")  # fmt: skip
@options.json_option
def command(
    board: str,
    settings_file: Path,
    unit_list: Path | None,
    encoding: str,
    unit: dict[str, str],
    firmware_version: str | None,
    firmware_file: Path | None,
    accept_firmware: str | None,
    app_folder: Path | None,
    merged: bool,  # noqa: FBT001
    out: Path,
    web: Path | None,
    node_modules: Path | None,
    as_written: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Build all images of a board, for one unit or a list of them, bit for bit reproducible."""
    if web is not None:
        if unit_list is not None or any(unit.values()) or merged:
            raise click.UsageError(
                "--web holds no unit: leave out --serial, --units and --merged."
            )
        profile = options.chosen_board(board, firmware_version, firmware_file)
        bundle = options.chosen_bundle(profile, firmware_file, accept_firmware, app_folder)
        _build_web(bundle, web, node_modules, as_json=as_json)
        return
    if node_modules is not None:
        raise click.UsageError("--node-modules goes with --web.")
    if (unit_list is None) == (not unit["serial"]):
        raise click.UsageError("Give either --serial for one unit or --units for a list of them.")
    if unit_list is not None and any(unit.values()):
        raise click.UsageError("With --units, the list says everything about a unit.")
    profile = options.chosen_board(board, firmware_version, firmware_file)
    told = load_settings(settings_file, warn=output.warn)
    check_offline(told.settings)
    if unit_list is not None:
        units = load_units(
            unit_list, told.unit_defaults, encoding, as_written=as_written, warn=output.warn
        )
    else:
        units = [make_unit(unit, told.unit_defaults, as_written=as_written)]
    store = options.firmware_store(accept_firmware)
    files = device_files() | (owner_files(app_folder) if app_folder else {})
    recipe = Recipe(profile, store.obtain(profile, firmware_file), files, told.settings)
    manifest = build(recipe, units, out, merged=merged)
    if all(unit.made_at is None for unit in units):
        output.warn("No unit has a made_at, so a device cannot tell an unset clock by it.")
    if as_json:
        output.result(results.Built(out=str(out), manifest=msgspec.to_builtins(manifest)))
    else:
        _show(manifest, out)


def _build_web(
    bundle: FirmwareBundle, web: Path, node_modules: Path | None, *, as_json: bool
) -> None:
    manifest = build_web(bundle, web, node_modules)
    if as_json:
        output.result(results.Built(out=str(web), manifest=msgspec.to_builtins(manifest)))
        return
    for part in manifest.builds[0].parts:
        click.echo(
            f"{part.offset:#010x}  {(web / part.path).stat().st_size:>9}  {web / part.path}"
        )
    output.note(
        f"{bundle.board.full_name}: {manifest.name} {manifest.version}, ESP Web Tools {tool_version()}"
    )
    output.note(
        f"Serve it: python3 -m http.server --bind 127.0.0.1 --directory {shlex.quote(str(web))} 8000; "
        "open http://localhost:8000/ in Chrome or Edge."
    )


def _show(manifest: Manifest, out: Path) -> None:
    for file in manifest.files():
        click.echo(f"{file.offset:#010x}  {file.size:>9}  {out / file.file}")
    output.note(
        f"{manifest.board}: MicroPython {manifest.firmware_version}, "
        f"{counted(len(manifest.units), 'unit')}"
    )
    if manifest.warning:
        output.warn(manifest.warning)

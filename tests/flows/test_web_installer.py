"""`build --web`: a folder that any web server serves, and no part of it touches what a reader owns."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from startline import __version__

from startline_host.boards import board_names, load_board
from startline_host.cli.build import command
from startline_host.errors import BadInput
from startline_host.flows import web_installer
from startline_host.flows.firmware_bundle import FirmwareBundle, make_bundle
from startline_host.flows.firmware_store import FirmwareStore
from startline_host.flows.web_installer import KEPT, build_web
from startline_host.flows.web_installer.npm_packages import tool_version
from startline_host.formats.littlefs_image import read_filesystem
from startline_host.formats.partitions import parse_table
from startline_host.formats.synthetic_firmware import synthetic_firmware
from tests.not_here import skip_outside_ci
from tests.npm_packages import NotHereError, fetch, npm

SECTOR = 0x1000


def bundle_for(name: str, folder: Path, app: Path | None = None) -> FirmwareBundle:
    """Put together what a board is loaded with, with a firmware of our own making."""
    board = load_board(name)
    folder.mkdir(exist_ok=True)
    path = folder / f"own-{board.chip}.bin"
    path.write_bytes(synthetic_firmware(board, version=board.firmware.version))
    store = FirmwareStore(folder, confirm=lambda _seen: True)
    return make_bundle(board, store.obtain(board, path), app)


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out a package as npm does, with what the builder looks at: the page's tool is not run."""
    modules = tmp_path_factory.mktemp("npm") / "node_modules"
    web = modules / "esp-web-tools" / "dist" / "web"
    web.mkdir(parents=True)
    (web / "install-button.js").write_text("// the tool\n")
    packages: dict[Path, dict[str, object]] = {
        modules / "esp-web-tools": {
            "version": tool_version(),
            "dependencies": {"esptool-js": "1"},
        },
        modules / "esp-web-tools" / "node_modules" / "esptool-js": {"version": "1.2.3"},
        modules / "somebody-elses": {"version": "9"},
    }
    for folder, about in packages.items():
        folder.mkdir(parents=True, exist_ok=True)
        named = {"name": folder.name, "license": "Apache-2.0", **about}
        (folder / "package.json").write_text(json.dumps(named))
        (folder / "LICENSE").write_text(f"The terms of {folder.name}.\n")
    return modules.parent


@pytest.mark.parametrize("name", board_names())
def test_no_part_touches_what_a_reader_owns(name: str, tool: Path, tmp_path: Path) -> None:
    """On every board each part ends before the next place that is the reader's: by its own table."""
    bundle = bundle_for(name, tmp_path / "cache")
    manifest = build_web(bundle, tmp_path / "site", tool)
    written = json.loads((tmp_path / "site" / "manifest.json").read_bytes())
    assert written["name"] == manifest.name
    (build,) = written["builds"]
    parts = {part["path"]: part["offset"] for part in build["parts"]}
    table = parse_table((tmp_path / "site" / "firmware" / "partition-table.bin").read_bytes())
    kept = [row for row in table if row.name in KEPT]
    assert {"nvs", "bind", "fctry"} <= {row.name for row in kept}
    assert ("race" in {row.name for row in kept}) == bool(bundle.board.race_size)
    for path, offset in parts.items():
        end = offset + (tmp_path / "site" / path).stat().st_size
        erased_end = -(-end // SECTOR) * SECTOR
        assert offset % SECTOR == 0
        assert all(erased_end <= row.offset or row.end <= offset for row in kept), path
        assert erased_end <= bundle.board.flash_size


def test_a_default_installation_never_erases(tool: Path, tmp_path: Path) -> None:
    """The manifest names the chip as the tool does, asks before erasing, and is never "the same".

    For a reader that says this name and version over Improv the tool would offer to erase, and
    nothing else; for one that says this name and another version it offers an update.
    """
    build_web(bundle_for("ESP32_GENERIC_S3", tmp_path / "cache"), tmp_path / "site", tool)
    manifest = json.loads((tmp_path / "site" / "manifest.json").read_bytes())
    assert manifest["new_install_prompt_erase"] is True
    assert manifest["new_install_improv_wait_time"] > 10
    assert manifest["builds"][0]["chipFamily"] == "ESP32-S3"
    role = (Path(__file__).parents[2] / "firmware/startline_improv/__init__.py").read_text()
    assert f'"{manifest["name"]}",\n                startline.__version__' in role
    assert manifest["version"] != __version__
    assert manifest["version"].startswith(__version__)


def test_the_folder_holds_all_roles_and_no_unit(tool: Path, tmp_path: Path) -> None:
    """The files are the agent's with every role, Improv first, and no identity is among the parts."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "app.py").write_text("def main(device):\n    pass\n")
    for own, brings in ((None, False), (app, True)):
        build_web(bundle_for("VIRTUAL_ESP32", tmp_path / "cache", own), tmp_path / "site", tool)
        site = tmp_path / "site"
        assert {path.name for path in (site / "firmware").iterdir()} == {
            "boot-loader.bin", "partition-table.bin", "application.bin", "vfs.bin",
        }  # fmt: skip
        files = read_filesystem((site / "firmware" / "vfs.bin").read_bytes())
        assert "/lib/startline_improv/__init__.mpy" in files
        assert "/lib/startline_vms/__init__.mpy" in files
        assert b"startline_improv" in files["/main.py"]
        assert ("/app.py" in files) == brings
        assert json.loads((site / "startline.json").read_bytes())["app"] == brings


def test_every_file_is_listed_and_comes_from_the_folder(tool: Path, tmp_path: Path) -> None:
    """SHA256SUMS is right, the licences are there, the page names no other host, and it is reproducible."""
    bundle = bundle_for("VIRTUAL_ESP32", tmp_path / "cache")
    for place in ("site", "again"):
        build_web(bundle, tmp_path / place, tool)
    site = tmp_path / "site"
    sums = (site / "SHA256SUMS").read_text()
    listed = {line[66:]: line[:64] for line in sums.splitlines()}
    assert listed == {
        path.relative_to(site).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in site.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert sums == (tmp_path / "again" / "SHA256SUMS").read_text()
    terms = (site / "esp-web-tools" / "LICENSES.txt").read_text()
    assert "esp-web-tools 10.4.0 (Apache-2.0)" in terms
    assert "The terms of esptool-js." in terms
    assert "somebody-elses" not in terms
    for path in (*site.glob("*.html"), *site.glob("*.js"), *site.glob("*.css")):
        named = re.findall(r"//([\w.-]+\.\w+|localhost)", path.read_text(encoding="utf-8"))
        assert set(named) <= {"localhost"}, path


def test_another_build_replaces_the_first_and_nothing_else(tool: Path, tmp_path: Path) -> None:
    """What an earlier build left goes; a folder with a file of somebody's is refused and left alone."""
    bundle = bundle_for("VIRTUAL_ESP32", tmp_path / "cache")
    site = tmp_path / "site"
    build_web(bundle, site, tool)
    (site / "SHA256SUMS").write_text((site / "SHA256SUMS").read_text() + "00  old/part.bin\n")
    (site / "old").mkdir()
    (site / "old" / "part.bin").write_bytes(b"old")
    build_web(bundle, site, tool)
    assert not (site / "old" / "part.bin").exists()
    (site / "firmware" / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"another kind, firmware/thesis\.txt"):
        build_web(bundle, site, tool)
    assert (site / "firmware" / "thesis.txt").read_text() == "mine"


def run(tmp_path: Path, *arguments: str, path: str = "") -> Result:
    """Run `startline build` for the virtual board, with programs on this PATH alone."""
    environment = {"STARTLINE_CACHE": str(tmp_path / "cache"), "PATH": path}
    return CliRunner().invoke(command, ["--board", "VIRTUAL_ESP32", *arguments], env=environment)


def test_the_command_takes_the_tool_from_npm(tmp_path: Path) -> None:
    """With npm there the tool comes from it, as pinned; with a folder of packages, from there."""
    try:
        programs = str(npm(tmp_path).parent)
        modules = fetch(Path(web_installer.__file__).parent, "web")
    except NotHereError as error:
        skip_outside_ci(error)
    for name, more in (("a", []), ("b", ["--node-modules", str(modules)])):
        done = run(
            tmp_path, "--web", str(tmp_path / name), *more, path=programs if not more else ""
        )
        assert done.exit_code == 0, (done.output, done.exception)
        assert len(done.stdout.splitlines()) == 4
        assert "http.server" in done.stderr
    assert (tmp_path / "a" / "SHA256SUMS").read_bytes() == (
        tmp_path / "b" / "SHA256SUMS"
    ).read_bytes()
    terms = (tmp_path / "a" / "esp-web-tools" / "LICENSES.txt").read_text()
    for name in ("esptool-js", "improv-wifi-serial-sdk", "lit-html", "pako"):
        assert f"\n{name} " in terms


def test_without_npm_or_network_it_says_so(tmp_path: Path, tool: Path) -> None:
    """One sentence says what is missing and the other way; nothing is left behind."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    site = ["--web", str(tmp_path / "site")]
    done = run(tmp_path, *site, path=str(program.parent))
    assert "there is no npm here" in str(done.exception)
    program.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    program.chmod(0o755)
    done = run(tmp_path, *site, path=str(program.parent))
    assert "npm did not get ESP Web Tools 10.4.0: code ENOTFOUND." in str(done.exception)
    (tmp_path / "empty").mkdir()
    done = run(tmp_path, *site, "--node-modules", str(tmp_path / "empty"))
    assert "has no esp-web-tools" in str(done.exception)
    other = tmp_path / "other" / "node_modules"
    shutil.copytree(tool / "node_modules", other)
    about = {"name": "esp-web-tools", "version": "9.0.0"}
    (other / "esp-web-tools" / "package.json").write_text(json.dumps(about))
    done = run(tmp_path, *site, "--node-modules", str(other.parent))
    assert "has esp-web-tools 9.0.0, and the page is made for 10.4.0" in str(done.exception)
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--web", "site", "--serial", "A"],
        ["--web", "site", "--units", "u.csv"],
        ["--web", "site", "--merged"],
        ["--node-modules", "here", "--serial", "A"],
    ],
)
def test_what_does_not_go_together_is_said(arguments: list[str], tmp_path: Path) -> None:
    """A unit does not go into a folder for everybody."""
    done = run(tmp_path, *arguments)
    assert done.exit_code == 2
    assert "--web" in done.stderr

"""The agent as others take it: by mip, frozen into a firmware, and imported on a PC."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from startline import __version__

from startline_host.formats.agent_sources import HOST_ONLY, agent_sources
from startline_host.formats.bytecode import ROLES
from tests.firmware.harness import SOURCES, micropython, run_micropython

SOURCE_FILES = sorted(
    path
    for path in SOURCES.glob("startline*/**/*.py")
    if path.relative_to(SOURCES).as_posix() not in HOST_ONLY and path.name != "manifest.py"
)
PACKAGES = ("startline", *ROLES)


def modules_of(package: str) -> list[str]:
    """Return the names of a package's modules, as they are imported."""
    names = [path.relative_to(SOURCES).with_suffix("") for path in SOURCE_FILES]
    dotted = [".".join(name.parts).removesuffix(".__init__") for name in names]
    return [name for name in dotted if name.partition(".")[0] == package]


def folder_of(package: str) -> Path:
    """Return where a package's package.json and manifest stand; the core's are above it."""
    return SOURCES if package == "startline" else SOURCES / package


#: Roles that stand beside another one, whose work they do.
SERVES = {
    "startline_console": ("startline_race", "startline_online"),
    "startline_liveport": ("startline_race", "startline_online"),
    "startline_race": ("startline_online",),
}
MODULES = [name for package in PACKAGES for name in modules_of(package)]
#: The same as they stand on a device, where some are one.
COMPILED = [
    ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")
    for path in agent_sources(SOURCES)
]
#: The only modules that may import what exists on the chip alone, and what that is.
HARDWARE = {"machine", "esp32", "network", "ntptime"}
MAY_TOUCH = {"startline/hal.py", "startline/chip.py", "startline_led/__init__.py"}


@pytest.mark.parametrize("package", PACKAGES)
def test_mip_gets_every_file(package: str) -> None:
    """package.json lists each file of its package once, under the version that the code says."""
    listed = json.loads((folder_of(package) / "package.json").read_text())
    wanted = sorted(
        name
        for path in SOURCE_FILES
        if (name := path.relative_to(SOURCES).as_posix()).startswith(f"{package}/")
    )
    there = [(target, (folder_of(package) / source)) for target, source in listed["urls"]]
    assert [target for target, _ in there] == wanted
    assert all(source.resolve() == SOURCES / target for target, source in there)
    assert listed["version"] == __version__


@pytest.mark.parametrize("package", PACKAGES)
def test_a_frozen_build_says_the_same_version(package: str) -> None:
    """manifest.py freezes all of its package, with the version that the code says."""
    seen: dict[str, Any] = {"requires": []}
    manifest = folder_of(package) / "manifest.py"

    def freeze(name: str, files: tuple[str, ...] = (), base_path: str = ".") -> None:
        found = (manifest.parent / base_path / name).resolve()
        seen["frozen"] = [found / file for file in files] or sorted(found.rglob("*.py"))

    names = {
        "metadata": lambda **fields: seen.update(fields),
        "require": seen["requires"].append,
        "package": freeze,
    }
    exec(compile(manifest.read_text(), "manifest.py", "exec"), names)  # noqa: S102 - this is how it is used
    assert seen["version"] == __version__
    assert seen["description"]
    own = [path for path in SOURCE_FILES if path.relative_to(SOURCES).parts[0] == package]
    assert set(own) <= set(seen["frozen"])
    assert seen["requires"] == (["ntptime", "requests"] if package == "startline" else [])


@pytest.mark.offline
@pytest.mark.parametrize("role", ROLES)
def test_a_role_needs_only_the_core(lib: Path, role: str, tmp_path: Path) -> None:
    """A role runs beside the core, with no role on the device but one that it serves; the core alone."""
    for package in ("startline", role, *SERVES.get(role, ())):
        shutil.copytree(lib / package, tmp_path / package)
    roles = [name for name in COMPILED if name.partition(".")[0] == role]
    for names in (modules_of("startline"), roles):
        program = f"import sys; sys.path[:] = [{str(tmp_path)!r}, '.frozen']\n"
        run_micropython("-c", program + "".join(f"import {name}\n" for name in names))


@pytest.mark.offline
@pytest.mark.parametrize("folder", [SOURCES, None], ids=["source", "compiled"])
def test_everything_imports_on_micropython(lib: Path, folder: Path | None) -> None:
    """Every module imports in the real MicroPython, as source and as bytecode."""
    program = f"import sys; sys.path[:] = [{str(folder or lib)!r}, '.frozen']\n"
    program += "".join(f"import {name}\n" for name in (MODULES if folder else COMPILED))
    run_micropython("-c", program + "print('done')")


def test_everything_imports_on_a_pc() -> None:
    """Every module imports on CPython, in a process of its own, with no chip in sight."""
    program = "".join(f"import {name}\n" for name in MODULES)
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=True,
        env={"PYTHONPATH": str(SOURCES)},
        timeout=30,
    )


def test_only_the_hal_knows_the_chip() -> None:
    """Platform modules are imported in the hardware layer and nowhere else."""
    for path in SOURCE_FILES:
        imported = set(re.findall(r"^\s*(?:import|from) (\w+)", path.read_text(), re.MULTILINE))
        if path.relative_to(SOURCES).as_posix() not in MAY_TOUCH:
            assert not imported & HARDWARE, path


def test_the_files_stay_small() -> None:
    """No file of the agent is longer than 300 lines."""
    for path in SOURCES.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 300, path


def test_boot_and_main_are_trivial() -> None:
    """boot.py does nothing, and main.py nothing but hand over: a host must get past both."""
    boot = (SOURCES / "boot.py").read_text()
    assert all(line.startswith("#") for line in boot.splitlines())
    main = (SOURCES / "main.py").read_text().splitlines()
    assert len(main) <= 6


@pytest.mark.offline
def test_the_real_vm_is_named() -> None:
    """The tests run on a MicroPython of at least 1.23."""
    done = subprocess.run(
        [*micropython(), "-c", "import sys; print(sys.implementation[1])"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    major, minor = re.findall(rb"\d+", done.stdout)[:2]
    assert (int(major), int(minor)) >= (1, 23)

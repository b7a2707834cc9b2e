"""The agent as others take it: by mip, frozen into a firmware, and imported on a PC."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from startline import __version__

from startline_host.formats.bytecode import HOST_ONLY, device_files
from tests.firmware.harness import SOURCES, micropython, run_micropython

MODULES = sorted(
    path.relative_to(SOURCES)
    .with_suffix("")
    .as_posix()
    .replace("/", ".")
    .removesuffix(".__init__")
    for path in (SOURCES / "startline").rglob("*.py")
    if path.relative_to(SOURCES).as_posix() not in HOST_ONLY
)
#: The only modules that may import what exists on the chip alone, and what that is.
HARDWARE = {"machine", "esp32", "network", "ntptime"}
MAY_TOUCH = {"hal.py", "chip.py", "status_led.py"}


def test_mip_gets_every_file() -> None:
    """package.json lists each file of a device once, under the version that the code says."""
    package = json.loads((SOURCES / "package.json").read_text())
    files = sorted(
        name.removeprefix("/lib/").replace(".mpy", ".py")
        for name in device_files(SOURCES)
        if name.startswith("/lib/startline/")
    )
    assert package["urls"] == [[name, name] for name in files]
    assert package["version"] == __version__


def test_a_frozen_build_says_the_same_version() -> None:
    """manifest.py freezes the package, with the version that the code says."""
    seen: dict[str, object] = {}
    source = (SOURCES / "manifest.py").read_text()
    names = {
        "metadata": lambda **fields: seen.update(fields),
        "require": lambda name: seen.setdefault("requires", []).append(name),  # type: ignore[attr-defined]
        "package": lambda name: seen.update(package=name),
    }
    exec(compile(source, "manifest.py", "exec"), names)  # noqa: S102 - this is how it is used
    assert seen["version"] == __version__
    assert seen["package"] == "startline"
    assert seen["requires"] == ["ntptime", "requests"]


@pytest.mark.offline
@pytest.mark.parametrize("folder", [SOURCES, None], ids=["source", "compiled"])
def test_everything_imports_on_micropython(lib: Path, folder: Path | None) -> None:
    """Every module imports in the real MicroPython, as source and as bytecode."""
    program = f"import sys; sys.path[:] = [{str(folder or lib)!r}, '.frozen']\n"
    program += "".join(f"import {name}\n" for name in MODULES)
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
    for path in (SOURCES / "startline").rglob("*.py"):
        imported = set(re.findall(r"^\s*(?:import|from) (\w+)", path.read_text(), re.MULTILINE))
        if path.name not in MAY_TOUCH:
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
        [micropython(), "-c", "import sys; print(sys.implementation[1])"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    major, minor = re.findall(rb"\d+", done.stdout)[:2]
    assert (int(major), int(minor)) >= (1, 23)

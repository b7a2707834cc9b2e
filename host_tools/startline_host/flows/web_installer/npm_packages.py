"""ESP Web Tools and what it is made of, from npm, with their licences.

`package-lock.json` pins each package by its `integrity`, which npm checks. The tool comes as it was
published for browsers, with esptool-js and the Improv SDK inside: `esp-web-tools/dist/web`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from startline_host.errors import BadInput, NetworkFailed
from startline_host.file_access import MOST_TEXT, read_file
from startline_host.secrets import child_environment
from startline_host.util import printable

_HERE = Path(__file__).parent
_PINS = ("package.json", "package-lock.json")
_TOOL = "esp-web-tools"
_NPM_SECONDS = 300
#: How a package names the files with its terms.
_TERMS = ("LICENSE*", "LICENCE*", "COPYING*", "NOTICE*")
_OTHERWISE = "Or name a folder that holds the packages: --node-modules DIR."


@contextmanager
def web_tool(given: Path | None = None) -> Iterator[Path]:
    """Lend the folder of ESP Web Tools among its dependencies, as npm lays packages out.

    `given` holds them already: it is a `node_modules`, or has one. Otherwise npm fetches them into
    a folder that is gone afterwards. Raises BadInput where they, or npm, are not there,
    NetworkFailed where npm does not get them.
    """
    if given is not None:
        try:
            tool = _checked(_modules_of(given) / _TOOL)
        except OSError as error:
            raise BadInput(f"{given} cannot be read: {error.strerror}.") from None
        yield tool
        return
    with tempfile.TemporaryDirectory(prefix="startline-npm-") as work:
        _run_npm(Path(work))
        yield _checked(Path(work) / "node_modules" / _TOOL)


def browser_modules(tool: Path) -> dict[str, bytes]:
    """Return the tool's modules for a browser, by file name."""
    return {path.name: path.read_bytes() for path in sorted((tool / "dist" / "web").glob("*.js"))}


def licences(tool: Path) -> str:
    """Return the terms of the tool and of every package that it is made of, as one text."""
    parts = []
    for folder in sorted(_closure(tool), key=lambda folder: str(folder)[len(str(tool.parent)) :]):
        about = _about(folder)
        terms = sorted({path for pattern in _TERMS for path in folder.glob(pattern)})
        texts = [path.read_text(encoding="utf-8", errors="replace").strip() for path in terms]
        heading = (
            f"{about['name']} {about['version']} ({about.get('license', 'no licence named')})"
        )
        parts.append("\n\n".join([f"{'=' * 78}\n{heading}\n{'=' * 78}", *texts]))
    return "\n\n".join(parts) + "\n"


def tool_version() -> str:
    """Return the version of ESP Web Tools that the page is made for."""
    pinned: str = json.loads((_HERE / _PINS[0]).read_text(encoding="utf-8"))["dependencies"][_TOOL]
    return pinned


def _modules_of(given: Path) -> Path:
    inner = given / "node_modules"
    return inner if inner.is_dir() else given


def _checked(tool: Path) -> Path:
    wanted = tool_version()
    try:
        version = _about(tool)["version"]
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError):
        raise BadInput(
            f"{tool.parent} has no {_TOOL}.",
            f"Make such a folder with: npm install {_TOOL}@{wanted}",
        ) from None
    if version != wanted or not (tool / "dist" / "web" / "install-button.js").is_file():
        raise BadInput(
            f"{tool.parent} has {_TOOL} {printable(str(version))}, and the page is made for {wanted}.",
            f"Make such a folder with: npm install {_TOOL}@{wanted}",
        )
    return tool


def _about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(read_file(folder / "package.json", MOST_TEXT))
    return about


def _closure(tool: Path) -> set[Path]:
    """Return the folders of a package and of all that it depends on, as Node finds them."""
    found: set[Path] = set()
    waiting = [tool]
    while waiting:
        folder = waiting.pop()
        if folder not in found:
            found.add(folder)
            names = _about(folder).get("dependencies", {})
            waiting += [
                place
                for name in names
                if (place := _resolve(folder, name, tool.parent)) is not None
            ]
    return found


def _resolve(folder: Path, name: str, top: Path) -> Path | None:
    """Return where a package finds another: in its own node_modules, or in one further up."""
    for base in (folder, *folder.parents):
        place = base / "node_modules" / name if base.name != "node_modules" else base / name
        if (place / "package.json").is_file():
            return place
        if base == top:
            return None
    return None


def _run_npm(work: Path) -> None:
    """Have npm fetch what the lock file names into a folder, and check it."""
    npm = shutil.which("npm")
    if npm is None:
        raise BadInput(
            "The page is made with ESP Web Tools from npm, and there is no npm here.",
            f"Install Node.js, which brings it. {_OTHERWISE}",
        )
    for name in _PINS:
        shutil.copy(_HERE / name, work)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress",
               "--prefer-offline", "--loglevel=error", "--fetch-retries=1"]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=work, env=child_environment(foreign=True), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_NPM_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NetworkFailed(f"npm did not end within {_NPM_SECONDS} s.", _OTHERWISE) from None
    except OSError as error:
        raise BadInput(f"{npm} cannot be run: {error.strerror}.", _OTHERWISE) from None
    if done.returncode:
        raise NetworkFailed(
            f"npm did not get ESP Web Tools {tool_version()}: {_why(done.stderr)}.",
            f"Check this computer's network, and run it again. {_OTHERWISE}",
        )


def _why(said: str) -> str:
    """Return the reason out of what npm printed: its code, such as ENOTFOUND, before all else."""
    lines = [line.removeprefix("npm error").strip() for line in said.splitlines()]
    code = next((line for line in lines if line.startswith("code ")), "")
    return printable(code or next(filter(None, lines), "it gave no reason"))[:200]

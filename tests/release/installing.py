"""The wheel in empty environments: on the Python that runs this, and on the newest there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.release.versions import ROOT

#: What `startline --version` and the story of `make bench` are run in: nothing of ours is inherited.
_KEPT = ("PATH", "HOME", "LANG", "PIP_CERT", "PIP_INDEX_URL", "PIP_FIND_LINKS", "SSL_CERT_FILE")
_OURS = "3.11"


def pythons() -> dict[str, str]:
    """Return the programs to try, by version: the oldest that is supported and the newest there is.

    $PYTHONS, paths separated by `:`, names others.
    """
    found = {
        told: path
        for path in _candidates()
        if (told := _told_version(path)) and _key(told) >= _key(_OURS)
    }
    ordered = sorted(found, key=_key)
    return {one: found[one] for one in dict.fromkeys([*ordered[:1], *ordered[-1:]])}


def check_install(python: str, wheel: Path, version: str) -> None:
    """Install a wheel plainly and ask for its version; then with extras, and bind a virtual reader.

    Raises subprocess.CalledProcessError or AssertionError.
    """
    with tempfile.TemporaryDirectory(prefix="startline-release-") as name:
        folder = Path(name)
        _run(folder, python, "-m", "venv", "env")
        scripts = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        inside = str(scripts / "python")
        _run(folder, inside, "-m", "pip", "install", "--quiet", str(wheel))
        told = _run(folder, str(scripts / "startline"), "--version")
        assert told.strip() == f"startline, version {version}", told
        _run(folder, inside, "-m", "pip", "install", "--quiet", f"{wheel}[mock,virtual]")
        shown = _run(folder, inside, "-m", "startline_host.demo")
        assert f"agent {version} starts" in shown, shown
        assert "One bind request in all." in shown, shown


def _run(folder: Path, *words: str) -> str:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    done = subprocess.run(
        words,
        cwd=folder,
        env={**environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    # The commands of the story write to stderr, and it writes to stdout.
    return done.stdout + done.stderr if "startline_host.demo" in words else done.stdout


def _candidates() -> Iterator[str]:
    if named := os.environ.get("PYTHONS"):
        yield from named.split(os.pathsep)
        return
    for folder in Path.home().glob(".pyenv/versions/*/bin"):
        yield str(folder / "python3")
    for minor in range(11, 31):
        if path := shutil.which(f"python3.{minor}"):
            yield path


def _told_version(path: str) -> str:
    """Return 3.13 for the program of that version that is the real thing, "" for any other."""
    program = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-c", program], cwd=ROOT.anchor, capture_output=True, text=True,
                              check=True, timeout=60)  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if re.fullmatch(r"\d+\.\d+\s*", done.stdout) else ""


def _key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))

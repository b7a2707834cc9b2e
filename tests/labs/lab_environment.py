"""The environment of a test lab: frameworks from the package index, and our packages for them.

It sees what these tests run with (startline and what it requires), so that only the frameworks are
fetched: about 20 s, once. Nothing of it is seen by the other tests, whose pytest would load every
plugin that the frameworks bring.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sysconfig
import venv
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

_ROOT = Path(__file__).parents[2]
_FOLDER = _ROOT / "build" / "labs"
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
#: Our packages for labs, each with its own pyproject.toml.
PACKAGES = tuple(sorted(path.parent for path in (_ROOT / "host_tools").glob("*/pyproject.toml")))
_SECONDS = 900


class NotInstallableError(Exception):
    """What pip said of a framework that cannot be had."""


def lab_python() -> Path:
    """Return the Python of the environment, made once and brought up to date.

    Raises NotInstallableError.
    """
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers want it at the same time
        frameworks = _Stamp("frameworks", _REQUIREMENTS)
        if not frameworks.fits():
            venv.create(_FOLDER / "venv", with_pip=True, clear=True, symlinks=True)
            seen = [sysconfig.get_path("purelib"), _ROOT / "host_tools", _ROOT / "firmware"]
            (site,) = (_FOLDER / "venv" / "lib").glob("python*/site-packages")
            # Behind the environment's own packages: what is installed there counts.
            (site / "startline.pth").write_text("".join(f"{path}\n" for path in seen))
            _install("-r", _REQUIREMENTS)
            frameworks.write()
        ours = _Stamp("ours", *(path for one in PACKAGES for path in sorted(one.rglob("*.*"))))
        if not (ours.fits() and frameworks.fits()):
            _install("--no-deps", "--force-reinstall", *map(build_wheel, PACKAGES))
            ours.write()
    return _FOLDER / "venv" / "bin" / "python"


def build_wheel(package: Path) -> Path:
    """Build a package's wheel as an installer does, and return it."""
    builder = WheelBuilder(str(package))
    (wheel,) = builder.build(directory=str(_FOLDER / "wheels"), versions=["standard"])
    return Path(wheel)


class _Stamp:
    """Beside the environment: a digest of the files that a part of it was made from."""

    def __init__(self, name: str, *files: Path) -> None:
        parts = (path.read_bytes() for path in files if path.suffix not in {".pyc", ".pyo"})
        self._digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
        self._path = _FOLDER / "venv" / f"{name}.stamp"

    def fits(self) -> bool:
        """Tell whether the files are still those."""
        return self._path.is_file() and self._path.read_text() == self._digest

    def write(self) -> None:
        """Note that the part is made, and from which files."""
        self._path.write_text(self._digest)


def _install(*words: Path | str) -> None:
    python = _FOLDER / "venv" / "bin" / "python"
    command: list[Path | str] = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "install", "--no-compile", *words], capture_output=True, text=True, timeout=_SECONDS, check=False
    )  # fmt: skip
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstallableError(
            f"The frameworks of the labs cannot be installed: {(said or ['pip failed'])[0]}"
        )

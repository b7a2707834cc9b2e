"""`make release`: builds what is published, checks it, and writes its checksums.

Nothing is published: RELEASE.md says how that goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.release import versions
from tests.release.bundles import check_bundle, make_bundles
from tests.release.installing import check_install, pythons

_DIST = versions.ROOT / "dist"
_SUMS = "SHA256SUMS"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build and check a release in dist/; return 1 where something about it is wrong."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--write-version", action="store_true",
                        help="only copy the version into the files that repeat it")  # fmt: skip
    if parser.parse_args(arguments).write_version:
        print("\n".join(versions.write_copies()))
        return 0
    if wrong := [*versions.disagreements(), *_wrong_tag()]:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    version = versions.version()
    shutil.rmtree(_DIST, ignore_errors=True)
    wheel, sdist = _build()
    _say(f"built {wheel.name} ({wheel.stat().st_size:,} bytes) and {sdist.name}")
    _check_sdist(sdist, wheel)
    _say("the sdist makes the same wheel, byte for byte")
    _twine(wheel, sdist)
    _say("twine finds nothing wrong with either")
    for bundle in make_bundles(_DIST):
        check_bundle(bundle)
        _say(f"mip installs {bundle.name}")
    for told, python in pythons().items():
        check_install(python, wheel, version)
        _say(
            f"on Python {told} the wheel installs, says {version}, and binds a virtual reader once"
        )
    _say(f"{_write_sums().relative_to(versions.ROOT)} has the checksums")
    return 0


def _build() -> tuple[Path, Path]:
    _hatchling(versions.ROOT, _DIST, "wheel", "sdist")
    (wheel,), (sdist,) = _DIST.glob("*.whl"), _DIST.glob("*.tar.gz")
    return wheel, sdist


def _check_sdist(sdist: Path, wheel: Path) -> None:
    """Make a wheel out of the sdist alone: it has to be the same as the tree's."""
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(sdist) as archive:
            archive.extractall(name, filter="data")
        (source,) = Path(name).iterdir()
        _hatchling(source, Path(name), "wheel")
        (again,) = Path(name).glob("*.whl")
        assert again.read_bytes() == wheel.read_bytes(), "the sdist makes another wheel"


def _hatchling(source: Path, into: Path, *targets: str) -> None:
    chosen = [word for target in targets for word in ("-t", target)]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(into), *chosen],
        cwd=source, check=True, capture_output=True,
    )  # fmt: skip


def _twine(*files: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)],
        check=True, capture_output=True,
    )  # fmt: skip


def _wrong_tag() -> list[str]:
    """Return a sentence if the commit has a version's tag, and it is another version's."""
    done = subprocess.run(
        ["git", "tag", "--points-at", "HEAD", "--list", "v*"],
        cwd=versions.ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    tags = done.stdout.split()
    wanted = f"v{versions.version()}"
    return (
        [f"This commit's tag is {tags[0]}, not {wanted}."] if tags and wanted not in tags else []
    )


def _write_sums() -> Path:
    path = _DIST / _SUMS
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(_DIST.iterdir())
        if file != path
    ]
    path.write_text("".join(lines), encoding="ascii")
    return path


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

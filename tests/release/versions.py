"""The version: written in one place, copied to the files that cannot read it from there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The one place. The host, the wheel and the agent's first event take it from here.
SOURCE = ROOT / "firmware" / "startline" / "__init__.py"
CHANGELOG = ROOT / "CHANGELOG.md"

_IN_SOURCE = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_IN_JSON = re.compile(r'^(\s*"version":\s*)"([^"]+)"', re.MULTILINE)
_IN_MANIFEST = re.compile(r'\bversion="([^"]+)"')
_RELEASED = re.compile(r"^## \[(\d[^\]]*)\]", re.MULTILINE)


def version() -> str:
    """Return the version that the one place has."""
    found = _IN_SOURCE.search(SOURCE.read_text(encoding="utf-8"))
    assert found is not None, f'{SOURCE} has no line __version__ = "..."'
    return found[1]


def packages() -> list[Path]:
    """Return the package.json of each package of the device."""
    firmware = SOURCE.parents[1]
    return sorted([*firmware.glob("package.json"), *firmware.glob("startline*/package.json")])


def manifests() -> list[Path]:
    """Return the manifest of each package of the device that is frozen."""
    firmware = SOURCE.parents[1]
    return sorted([*firmware.glob("manifest.py"), *firmware.glob("startline*/manifest.py")])


def copies() -> Iterator[tuple[Path, str]]:
    """Yield each file that repeats the version, with what it says."""
    for path in packages():
        yield path, json.loads(path.read_text(encoding="utf-8"))["version"]
    for path in manifests():
        for said in _IN_MANIFEST.findall(path.read_text(encoding="utf-8")):
            yield path, said


def newest_in_changelog() -> str:
    """Return the newest version that the changelog has a section of."""
    found = _RELEASED.search(CHANGELOG.read_text(encoding="utf-8"))
    assert found is not None, "CHANGELOG.md has no section of a release"
    return found[1]


def disagreements() -> list[str]:
    """Return a sentence for each place that says another version than the one place."""
    want = version()
    told = [(path.relative_to(ROOT).as_posix(), said) for path, said in copies()]
    told.append(("CHANGELOG.md", newest_in_changelog()))
    return [f"{name} says {said}, not {want}." for name, said in told if said != want]


def write_copies() -> list[str]:
    """Write the version into every file that repeats it; return the names of those changed."""
    want = version()
    changed = []
    for path, said in copies():
        if said != want:
            text = path.read_text(encoding="utf-8")
            pattern = _IN_JSON if path.suffix == ".json" else _IN_MANIFEST
            text = pattern.sub(lambda found: found[0].replace(said, want), text)  # noqa: B023 - used at once
            path.write_text(text, encoding="utf-8")
            changed.append(path.relative_to(ROOT).as_posix())
    return changed

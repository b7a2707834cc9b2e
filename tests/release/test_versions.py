"""One version: the files that repeat it say the same as the one place that has it."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
import startline

import startline_host
from tests.release import versions
from tests.release.bundles import check_bundle, make_bundles


def test_every_copy_says_the_version() -> None:
    """Every package.json and manifest, and the newest section of the changelog."""
    assert versions.disagreements() == []
    assert len(list(versions.copies())) >= 2


def test_both_packages_and_the_installation_have_it() -> None:
    """The agent, the host's package and the installed distribution tell the same version."""
    told = {startline.__version__, startline_host.__version__, metadata.version("startline")}
    assert told == {versions.version()}


def test_a_copy_that_differs_is_named_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version in a package.json or a manifest is told by file, and can be written anew."""
    firmware = tmp_path / "firmware"
    (firmware / "startline").mkdir(parents=True)
    (firmware / "startline" / "__init__.py").write_text('__version__ = "7.0.0"\n')
    (firmware / "package.json").write_text('{\n  "urls": [],\n  "version": "6.9.0"\n}\n')
    (firmware / "manifest.py").write_text('metadata(version="6.9.0")\n')
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [7.0.0] - 2027-01-01\n")
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    monkeypatch.setattr(versions, "SOURCE", firmware / "startline" / "__init__.py")
    monkeypatch.setattr(versions, "CHANGELOG", tmp_path / "CHANGELOG.md")
    assert [one.split()[0] for one in versions.disagreements()] == [
        "firmware/package.json",
        "firmware/manifest.py",
    ]
    assert versions.write_copies() == ["firmware/package.json", "firmware/manifest.py"]
    assert versions.disagreements() == []


def test_mip_installs_every_package_from_its_bundle(tmp_path: Path) -> None:
    """MicroPython's own mip gets each package whole out of the ZIP that is published."""
    made = make_bundles(tmp_path)
    assert made
    for bundle in made:
        check_bundle(bundle)

"""Who may know whom: the import rules of the tree, read from its own sources."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOST = ROOT / "host_tools"

#: For each folder of host_tools, the sibling folders that it may import (itself always).
MAY_IMPORT = {
    "cloud": set(),
    "virtual": set(),
    "images": set(),
    "device": set(),
    "bench": {"cloud", "virtual", "images", "device"},
    "factory": {"cloud", "virtual", "images", "device", "bench"},
    "cli": {"cloud", "virtual", "images", "device", "bench", "factory"},
}
#: Folders that speak a wire format of the agent's.
MAY_IMPORT_AGENT = {"images", "device", "bench", "factory", "cli"}


def imported_names(path: Path) -> set[str]:
    """Name every absolute module that a source imports, late imports included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def sources(folder: Path) -> list[Path]:
    """List the Python sources below a folder."""
    return sorted(folder.rglob("*.py"))


def siblings(path: Path) -> set[str]:
    """Name the folders of host_tools that a source imports."""
    parts = [name.split(".") for name in imported_names(path)]
    return {part[1] for part in parts if part[0] == "host_tools" and part[1:]} & MAY_IMPORT.keys()


def test_the_agent_knows_nothing_of_the_host() -> None:
    """No file that goes onto the device imports the host's package."""
    agent = sources(ROOT / "firmware")
    assert agent
    assert [
        path for path in agent if any("host_tools" in name for name in imported_names(path))
    ] == []


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    """Each folder of host_tools imports only the siblings that the design allows it."""
    allowed = MAY_IMPORT[folder] | {folder}
    strangers = {
        str(path.relative_to(ROOT)): found - allowed
        for path in sources(HOST / folder)
        if (found := siblings(path)) - allowed
    }
    assert strangers == {}


def test_every_folder_has_a_rule() -> None:
    """A new folder in host_tools cannot appear without saying whom it may know."""
    folders = {path.parent.name for path in HOST.glob("*/__init__.py")}
    assert folders <= MAY_IMPORT.keys()


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT.keys() - MAY_IMPORT_AGENT))
def test_the_chip_and_the_cloud_know_nothing_of_the_agent(folder: str) -> None:
    """The virtual chip and the mock cloud import nothing of the agent's."""
    knowing = [
        str(path.relative_to(ROOT))
        for path in sources(HOST / folder)
        if any(name.split(".")[0] == "startline" for name in imported_names(path))
    ]
    assert knowing == []


def test_the_sources_keep_their_size() -> None:
    """No source outgrows 400 lines: past that a file holds more than one idea."""
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("host_tools", "firmware", "tests")
        for path in sources(ROOT / folder)
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 400
    }
    assert long == {}

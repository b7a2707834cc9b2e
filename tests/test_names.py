"""A name stands for one thing: of a class anywhere, of a file on the host, and among the tests."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
HOST = ROOT / "host_tools" / "startline_host"
LABS = sorted(path.parent for path in (ROOT / "host_tools").glob("*/pyproject.toml"))
SHIPPED = (HOST, *LABS, *sorted((ROOT / "firmware").glob("startline*/")))
#: Rooms, and files, whose names are not theirs to choose.
NAMED_FROM_OUTSIDE = {
    HOST / "cli": "a file is named by its verb, as may be what carries the verb out",
    HOST / "clouds": "a file is named by its cloud, as may be its mock",
    TESTS / "bench" / "example" / "app.py": "a reader looks for its own program by that name",
    TESTS / "liveport" / "vm" / "app.py": "a reader looks for its own program by that name",
}
#: What stands in for a module that is not ours has its names.
STAND_INS = (
    HOST / "virtual" / "runtime" / "modules",
    TESTS / "firmware" / "requests_of_1_23",
    TESTS / "proofs" / "powercuts" / "vm" / "fake_tls.py",
    TESTS / "versions" / "vm" / "lib",
)
#: Names that Python itself gives a meaning, or pytest.
GIVEN_A_MEANING = {"__init__", "__main__", "conftest"}


def test_a_class_name_stands_for_one_class() -> None:
    """No two classes of host, agent, examples and tests share a name, private ones included."""
    places: dict[str, list[str]] = defaultdict(list)
    for package in (*SHIPPED, ROOT / "examples", TESTS):
        for path in sorted(package.rglob("*.py")):
            if {path, *path.parents} & {*STAND_INS}:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    name = node.name.lstrip("_")
                    places[name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize("folder", [HOST, TESTS], ids=["host", "tests"])
def test_a_file_name_stands_for_one_module(folder: Path) -> None:
    """No two modules of the host, nor of the tests, share a file name that is theirs to choose."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*.py")):
        named_from_outside = {*NAMED_FROM_OUTSIDE, *STAND_INS} & {path, *path.parents}
        if path.stem not in GIVEN_A_MEANING and not named_from_outside:
            places[path.stem].append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}

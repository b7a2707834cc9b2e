"""A name stands for one thing: of a class anywhere, in tests too, of a file on the host."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOST = ROOT / "host_tools" / "startline_host"
LABS = sorted(path.parent for path in (ROOT / "host_tools").glob("*/pyproject.toml"))
SHIPPED = (HOST, *LABS, *sorted((ROOT / "firmware").glob("startline*/")))
#: Rooms whose files bear names that are not theirs to choose.
NAMED_FROM_OUTSIDE = {
    HOST / "cli": "a file is named by its verb, as may be what carries the verb out",
    HOST / "clouds": "a file is named by its cloud, as may be its mock",
    HOST / "virtual" / "runtime" / "modules": "they stand in for MicroPython's own modules",
}
#: What stands in for a module that is not ours has its names.
STAND_INS = (
    HOST / "virtual" / "runtime" / "modules",
    ROOT / "tests" / "firmware" / "requests_of_1_23",
    ROOT / "tests" / "proofs" / "powercuts" / "vm" / "fake_tls.py",
    ROOT / "tests" / "versions" / "vm" / "lib",
)
#: Names that Python itself gives a meaning.
PYTHONS_OWN = {"__init__", "__main__"}


def test_a_class_name_stands_for_one_class() -> None:
    """No two classes of host, agent, examples and tests share a name, private ones included."""
    places: dict[str, list[str]] = defaultdict(list)
    for package in (*SHIPPED, ROOT / "examples", ROOT / "tests"):
        for path in sorted(package.rglob("*.py")):
            if {path, *path.parents} & {*STAND_INS}:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    name = node.name.lstrip("_")
                    places[name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_a_file_name_stands_for_one_module() -> None:
    """No two modules of the host share a file name, but for those named from outside."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(HOST.rglob("*.py")):
        if path.stem not in PYTHONS_OWN and not NAMED_FROM_OUTSIDE.keys() & set(path.parents):
            places[path.stem].append(str(path.relative_to(HOST)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}

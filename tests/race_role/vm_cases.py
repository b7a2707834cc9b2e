"""Cases that run in the real MicroPython: one process for a file, one pytest case for a function."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path

from startline_host.formats.bytecode import device_files
from tests.firmware.harness import SOURCES, run_micropython

HERE = Path(__file__).parent
VM = HERE / "vm"


def names_of(module: str) -> list[str]:
    """List the cases of a module in tests/race_role/vm."""
    tree = ast.parse((VM / f"{module}.py").read_text())
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def compile_race(folder: Path) -> Path:
    """Write agent and race role as .mpy below `folder`, and the cases beside them; return its lib."""
    beside = (SOURCES / "race_commands.py", SOURCES.parent / "tests/firmware/fake_chip.py")
    for name, content in device_files(SOURCES, (*VM.glob("*.py"), *beside)).items():
        if name.startswith("/lib/"):
            path = folder / name[1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder / "lib"


def run_cases(lib: Path, module: str, *, heap: str = "24m", **given: object) -> Mapping[str, str]:
    """Run all cases of a module; return for each what went wrong, "" for nothing.

    `given` is what a case finds in the module `given`.
    """
    facts = "".join(f"{name} = {value!r}\n" for name, value in given.items())
    (lib / "given.py").write_text(facts)
    program = (
        f"import sys\nsys.path[:]={[str(lib), '.frozen']}\nimport runner\n"
        f"runner.run({module!r}, [])"
    )
    results: dict[str, str] = {}
    for line in run_micropython("-c", program, heap=heap).splitlines():
        word, _, rest = line.partition(" ")
        if word in {"PASS", "FAIL"}:
            name, trouble = json.loads(rest)
            results[name] = trouble if word == "FAIL" else ""
    return results

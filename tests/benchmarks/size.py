"""How many bytes the agent is as .mpy, and how many of them a boot imports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from startline_host.mock_cloud import MockCloud
from tests.benchmarks.readers import make_reader
from tests.benchmarks.row import Row
from tests.firmware.harness import Boot, compile_agent
from tests.firmware.test_budgets import ROLES, imported


def rows(work: Path) -> Iterator[Row]:
    """Yield the sum, what a first and a bound boot import, and each module."""
    lib = compile_agent(work)
    sizes = {
        str(path.relative_to(lib / "startline").with_suffix("")): path.stat().st_size
        for path in sorted((lib / "startline").rglob("*.mpy"))
    }
    yield Row("all_modules", sum(sizes.values()), "bytes", note=f"{len(sizes)} modules")
    core = sum(size for name, size in sizes.items() if name not in ROLES)
    yield Row("core", core, "bytes", note=f"without the roles {', '.join(ROLES)}")
    with MockCloud() as cloud:
        reader = make_reader(work / "reader", lib, cloud)
        yield _imported("first_boot", reader.boot(), lib)
        yield _imported("bound_boot", reader.boot(), lib)
    for name, size in sizes.items():
        yield Row(f"module.{name}", size, "bytes")


def _imported(name: str, boot: Boot, lib: Path) -> Row:
    note = f"{len(boot.end['modules'])} modules, ended {boot.state}"
    return Row(name, imported(boot, lib), "bytes", note=note)

"""The agent's sources as a device gets them: constants in their places, and in as few files as do.

In the sources each module holds one idea. On a device every file and every name costs: flash, heap,
and a search. So what always loads together becomes one module there. Whoever freezes the packages
into a firmware, where neither costs heap, takes them as they are.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from startline_host.file_access import read_file
from startline_host.formats.constant_folding import fold_constants
from startline_host.formats.module_bundling import bundle_modules, members_of
from startline_host.formats.name_order import frequent_names_first

#: Of the packages, what only hosts, tests and people go by: no device imports it.
HOST_ONLY = (
    "startline/events.py",
    "startline/states.py",
    "startline/clouds/__init__.py",
    "startline/clouds/_template.py",
    "startline_race/clouds/__init__.py",
)
#: What always loads together, by the module that it becomes; each imports only from those before it.
BUNDLES = {
    "startline_race/race.py": (
        "settings", "checks", "journal_format", "passing_format", "journal", "progress", "reply",
        "batch", "time_points", "session_steps", "batch_steps", "sender", "race",
    ),
    "startline_online/__init__.py": (
        "uptime", "utc_text", "time_map", "timekeeper", "network", "held_stream", "connection", "__init__",
    ),
}  # fmt: skip
#: A number of the core that only its module knows. The core stays as it is written: its modules load
#: one by one, and MicroPython's own const(), which a PC does not have, does as much there.
_PRIVATE_NUMBER = re.compile(r"^(_[A-Z_]+ = )(0x[0-9a-f]+|\d+)(?=$|  #)", re.MULTILINE)
#: What says how a package is taken, by whoever freezes it: no module of it.
_MANIFEST = "manifest.py"


def agent_sources(folder: Path, beside: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the agent's sources below a folder, by their paths in it, as they are compiled.

    `beside` are sources of programs that import the agent's modules by the names that they have
    here; they come back with those that they have there. Raises Bug for bundles that cannot be.
    """
    sources = {name: read_file(path).decode() for name, path in agent_modules(folder).items()}
    shaped = dict(_shape(tuple({**sources, **(beside or {})}.items())))
    core = {
        name: _PRIVATE_NUMBER.sub(r"\1const(\2)", source)
        for name, source in sources.items()
        if is_core(name)
    }
    return {name: source for name, source in (shaped | core).items() if name not in HOST_ONLY}


@functools.lru_cache(maxsize=4)  # a third of a second, for the same sources at each device
def _shape(sources: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return those that are not the core with constants in their places, bundled, and in order."""
    core = {name: source for name, source in sources if is_core(name)}
    others = {name: source for name, source in sources if name not in core}
    # Of an agent that has not all of a bundle's modules, each stays one of its own.
    whole = {
        path: names for path, names in BUNDLES.items() if members_of({path: names}) <= set(others)
    }
    bundled = bundle_modules(fold_constants(others, members_of(whole), core), whole)
    ordered = {path: frequent_names_first(bundled[path]) for path in whole}
    return tuple((bundled | ordered).items())


def is_core(path: str) -> bool:
    """Tell whether a module is one of the core, which every boot loads some of."""
    return path.startswith("startline/")


def agent_modules(folder: Path) -> dict[str, Path]:
    """Return the agent's modules below a folder, by their paths in it."""
    found = (path for path in sorted(folder.glob("startline*/**/*.py")) if path.name != _MANIFEST)
    return {path.relative_to(folder).as_posix(): path for path in found}

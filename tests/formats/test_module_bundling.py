"""Modules that always load together, as one: what becomes of imports, and what cannot be joined."""

from __future__ import annotations

import pytest

from startline_host.errors import Bug
from startline_host.formats.agent_sources import BUNDLES, HOST_ONLY, agent_sources
from startline_host.formats.module_bundling import bundle_modules, members_of
from tests.firmware.harness import SOURCES

_BUNDLES = {"a/__init__.py": ("b", "c", "__init__")}


def bundled(**modules: str) -> dict[str, str]:
    """Return what becomes of modules in a package `a`, of which b, c and __init__ are joined."""
    sources = {"__init__": "", "b": "", "c": "", **modules}
    result = bundle_modules({f"a/{name}.py": text for name, text in sources.items()}, _BUNDLES)
    return {path: "; ".join(text.splitlines()) for path, text in result.items()}


def test_imports_within_are_not_needed() -> None:
    """Whatever its modules import of each other is there, at the top and in functions."""
    found = bundled(
        b="import sys\nfrom struct import pack\nx = 1",
        c="import sys\nfrom struct import calcsize, pack\nfrom .b import x\ny = x",
        __init__="def f():\n    from .c import y\n    return y",
    )
    assert list(found) == ["a/__init__.py"]
    assert found["a/__init__.py"] == (
        "import sys; from struct import pack, calcsize; x = 1; pass; y = x; ; "
        "def f():;     pass;     return y"
    )


def test_what_mypy_alone_reads_is_left_out() -> None:
    """Of `if False:` nothing is in a bundle, as nothing is in bytecode."""
    assert bundled(b="if False:\n    from e import y\nx = 1")["a/__init__.py"] == "x = 1"


@pytest.mark.parametrize("line", ["from .b import x", "from a.b import x", "from a.c import x"])
def test_imports_from_elsewhere_go_to_the_bundle(line: str) -> None:
    """Whoever asks for one of its modules is sent to what they became."""
    assert bundled(b="x = 1", d=line)["a/d.py"] == "from a import x"


@pytest.mark.parametrize(
    "modules",
    [
        {"b": "x = 1", "c": "x = 2"},
        {"b": "def f(): 1", "c": "class f: 1"},
        {"b": "from d import x", "c": "from e import x"},
        {"b": "x = 1", "c": "from e import x"},
        {"b": "def open(): 1"},
        {"d": "from . import b"},
        {"b": "x = 1", "d": "from .b import y"},
        {"b": "x = 1", "c": "from .b import x as y"},
        {"b": "if True: x = 1"},
    ],
)
def test_what_cannot_be_joined(modules: dict[str, str]) -> None:
    """A name with two meanings, or none, one that hides a builtin's, a module wanted as such, a program."""
    with pytest.raises(Bug):
        bundled(**modules)


def test_a_bundle_that_lacks_a_module_is_none() -> None:
    """Where one of its modules is not among the sources, all stay as they are."""
    sources = {"a/__init__.py": "x = 1\n", "a/b.py": "from . import x\n"}
    assert bundle_modules(sources, _BUNDLES) == sources


def test_each_module_of_the_agent_is_somewhere() -> None:
    """A bundle's modules are there by their names, and a device gets every other one by its own."""
    paths = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.glob("startline*/**/*.py")
        if path.name != "manifest.py"
    }
    members = members_of(BUNDLES)
    assert members <= paths
    assert set(agent_sources(SOURCES)) == paths - members - set(HOST_ONLY) | set(BUNDLES)

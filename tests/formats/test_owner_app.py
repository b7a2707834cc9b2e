"""What an owner's app must be before it goes onto a device."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from startline_host.errors import BadInput
from startline_host.formats.bytecode import owner_files

if TYPE_CHECKING:
    from pathlib import Path

GOOD = [
    "def main(device): pass",
    "def main(device, *, laps=3): pass",
    "def main(*args): pass",
    "def main(device, laps=3): pass",
    "from timing import main",
    "from timing import *",
    "import timing\nmain = timing.run",
    "try:\n    from fast import main\nexcept ImportError:\n    def main(device): pass",
    "if True:\n    def main(device): pass",
    "class main:\n    def __init__(self, device): pass",
    "import micropython\n@micropython.native\ndef main(device): pass",
    "async def timing(device): pass\ndef main(device): pass",
    "main = lambda device: print(device)",
    "def run(device): pass\nmain = run",
    "(main := print)",
    "for main in (print,): pass",
    "def make():\n    global main\n    def main(device): pass\nmake()",
    "try:\n    from fast import main\nexcept ImportError:\n    main = None",
    "def main(device):\n    def laps():\n        yield 1\n    list(laps())",
]


@pytest.mark.parametrize("source", GOOD)
def test_a_main_that_can_be_called_is_taken(tmp_path: Path, source: str) -> None:
    """However the module comes by its main, it is enough that there is one to be called."""
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    assert owner_files(tmp_path) == {"/app.py": source.encode()}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "def main(device:\n    pass",
            "app.py does not compile: line 2 SyntaxError: invalid syntax.$",
        ),
        ("def main(device):\n  match device:\n    case 1: pass", "app.py does not compile"),
        ("", "app.py has no main"),
        ("x = 1\ndef run(device): pass", "app.py has no main"),
        ("def run(device):\n    def main(device): pass", "app.py has no main"),
        ("class App:\n    def main(self): pass", "app.py has no main"),
        ("def main(): pass", "cannot be called with one argument"),
        ("def main(device, laps): pass", "cannot be called with one argument"),
        ("def main(device, *, laps): pass", "cannot be called with one argument"),
        ("async def main(device): pass", "main is async"),
        ("async def run(device): pass\nmain = run", "main is async"),
        ("def run(): pass\nmain = run", "cannot be called with one argument"),
        ("main = lambda: 0", "cannot be called with one argument"),
        ("main = None", "main is no function"),
        ("def main(device): pass\nmain = 5", "main is no function"),
        ("def main(device): pass\ndel main", "app.py has no main"),
        ("main: int", "app.py has no main"),
        ("def main(device):\n    while True:\n        yield device", "main yields"),
        ("\ufeffdef main(device): pass", "begins with a byte order mark"),
        ("def main(device): pass\nasync def main(device): pass", "main is async"),
    ],
)
def test_an_app_that_would_never_run_is_refused(tmp_path: Path, source: str, words: str) -> None:
    """What does not compile for the device, or has no main for it to call, is named (60)."""
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    with pytest.raises(BadInput, match=re.compile(words, re.DOTALL)):
        owner_files(tmp_path)


def test_what_the_app_imports_has_to_compile_too(tmp_path: Path) -> None:
    """A module of the folder that the app imports is compiled; a stranger beside it is not."""
    (tmp_path / "lib" / "reader").mkdir(parents=True)
    (tmp_path / "app.py").write_text("from reader import tags\ndef main(device): tags.read()\n")
    (tmp_path / "lib" / "reader" / "__init__.py").write_text("")
    (tmp_path / "test_app.py").write_text("match 1:\n    case 1: pass\n")
    tags = tmp_path / "lib" / "reader" / "tags.py"
    tags.write_text("import app\ndef read(): pass\n")
    assert len(owner_files(tmp_path)) == 4
    tags.write_text("def read( pass\n")
    with pytest.raises(BadInput, match=r"lib/reader/tags\.py does not compile"):
        owner_files(tmp_path)


def test_a_folder_that_stands_in_the_apps_way_is_named(tmp_path: Path) -> None:
    """The device imports a folder app/ before an app.py beside it: without a program it is refused."""
    (tmp_path / "app.py").write_text("def main(device): pass")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "logo.bin").write_bytes(b"1")
    with pytest.raises(
        BadInput, match=r"app\.py would never run: .* the folder app/ in its place"
    ):
        owner_files(tmp_path)
    (tmp_path / "app" / "__init__.py").write_text("def run(device): pass")
    with pytest.raises(BadInput, match=r"app/__init__\.py has no main"):
        owner_files(tmp_path)


def test_an_app_may_be_a_package_or_data_alone(tmp_path: Path) -> None:
    """A folder app/ is an app as well; a folder without any is taken for data."""
    (tmp_path / "x.csv").write_text("1;2")
    assert owner_files(tmp_path) == {"/x.csv": b"1;2"}
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("pass")
    with pytest.raises(BadInput, match=r"app/__init__\.py has no main"):
        owner_files(tmp_path)

"""The book's pages and the README as data: files that they show, and commands that they tell.

A fenced block may carry classes and a title, as `{ .console .hardware }` or `toml title="a.toml"`:

- `console`: each line that begins with `$ ` is a command; what else stands there is its output
- `.hardware`: needs a board, another computer or another service
- `.long`: takes minutes; a test, a proof or `.ci/run` runs it by itself
- `.by-hand`: changes or publishes the project itself
- `.until-stopped`: runs in the background until the page ends
- a title is the file that the block is the content of
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^`\n]+)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_TITLE = re.compile(r'title="([^"]+)"')
_WORD = re.compile(r"[\w-]+")
CLASSES = {"by-hand", "console", "hardware", "long", "until-stopped"}


class Block(NamedTuple):
    """A fenced block: what language it is in, its classes, its title and its content."""

    language: str
    classes: frozenset[str]
    title: str
    body: str

    @property
    def commands(self) -> list[str]:
        """The commands of a console block, with continued lines joined."""
        lines = self.body.replace("\\\n", "").splitlines()
        return [line.strip()[2:] for line in lines if line.strip().startswith("$ ")]

    @property
    def is_run(self) -> bool:
        """Whether its commands are run here."""
        return "console" in self.classes and not self.classes & {"by-hand", "hardware", "long"}


def pages() -> list[Path]:
    """Return every page that somebody reads: the book, and the Markdown files beside it."""
    return [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]


def name_of(page: Path) -> str:
    """Return a page's path as a test is called."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, from top to bottom."""
    for found in _FENCE.finditer(page.read_text(encoding="utf-8")):
        info, indent = found["info"].strip(), found["indent"]
        body = re.sub(rf"^{indent}", "", found["body"], flags=re.MULTILINE)
        title = _TITLE.search(info)
        words = _WORD.findall(_TITLE.sub("", info))
        yield Block(words[0], frozenset(words), title[1] if title else "", body)

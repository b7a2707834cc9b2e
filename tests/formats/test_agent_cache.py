"""The compiled agent that is kept: the same as one that is made, or none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from startline_host.formats.agent_cache import Files, kept_files


class Maker:
    """Makes files of one source, and counts how often."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source.py"
        self.source.write_text("1")
        self.made = 0

    def make(self) -> Files:
        """Return the source, as what stands for its bytecode."""
        self.made += 1
        return {"/lib/source.mpy": self.source.read_bytes() + b"\0\xff"}

    def files(self) -> Files:
        """Return the files, kept or made."""
        return kept_files([self.source], self.make)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty place for bytecode, in which it may be written."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # whatever the environment says
    return tmp_path / "prefix"


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    """Give one with a source of its own."""
    return Maker(tmp_path)


def test_what_is_kept_is_what_was_made(maker: Maker, place: Path) -> None:
    """Once made it is read; of a source that has changed it is made anew, in the same place."""
    first = maker.files()
    assert maker.files() == first
    assert maker.made == 1
    maker.source.write_text("2")
    assert maker.files() == {"/lib/source.mpy": b"2\0\xff"}
    assert maker.made == 2
    assert len([path for path in place.rglob("*") if path.is_file()]) == 1


def test_what_is_not_whole_is_not_used(maker: Maker, place: Path) -> None:
    """Cut anywhere, or with any byte another one, it is made anew, and kept whole again."""
    whole = maker.files()
    (kept,) = (path for path in place.rglob("*") if path.is_file())
    content = kept.read_bytes()
    for at in range(0, len(content), 5):
        for damaged in (content[:at], content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]):
            kept.write_bytes(damaged)
            made = maker.made
            assert maker.files() == whole
            assert maker.made == made + 1
    assert kept.read_bytes() == content


def test_a_source_that_changes_meanwhile_is_not_kept(maker: Maker, place: Path) -> None:
    """What was made of it may be of the one or the other."""

    def make() -> Files:
        maker.source.write_text("2")
        return maker.make()

    kept_files([maker.source], make)
    assert not place.exists()


@pytest.mark.parametrize("reason", ["no bytecode", "no folder"])
def test_where_nothing_is_written_it_is_made(
    maker: Maker, place: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """Where Python writes no bytecode, or cannot, nobody is told: it only takes longer."""
    if reason == "no folder":
        place.write_text("a file")
    else:
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert maker.files() == maker.files()
    assert maker.made == 2
    assert not place.is_dir()

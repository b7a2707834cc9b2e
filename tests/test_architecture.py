"""What holds of all sources together; who may import whom is import-linter's (`make check`)."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_sources_keep_their_size() -> None:
    """No source outgrows 400 lines: past that a file holds more than one idea."""
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("host_tools", "firmware", "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 400
    }
    assert long == {}

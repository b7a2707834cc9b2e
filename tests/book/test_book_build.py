"""The built book: whole, the same as the code, and loading nothing from elsewhere."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from startline_host.cli import startline
from startline_host.errors import EXIT_CODES
from startline_host.mock_cloud.fault_switches import ALL_FAULTS
from startline_host.virtual.world_keys import WORLD_KEYS
from tests.book.pages import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the book as `make docs` does: a broken link or an unlisted page fails."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", str(folder)],
        cwd=ROOT,
        env={**os.environ, "DISABLE_MKDOCS_2_WARNING": "true", "NO_MKDOCS_2_WARNING": "1"},
        check=True,
        timeout=240,
    )
    return folder


def text_of(page: Path) -> str:
    """Return what a page says, without its markup."""
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def test_the_reference_has_all_that_the_code_has(site: Path) -> None:
    """Every verb, exit code, fault, key of a world and fixture is on its page."""
    verbs = text_of(site / "reference" / "verbs.html")
    for verb in startline.list_commands(click.Context(startline)):
        assert f"startline {verb}" in verbs
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"\b{code}\s+{re.escape(meaning)}", verbs)
    assert [one for one in ALL_FAULTS if one not in text_of(site / "reference/faults.html")] == []
    assert [one for one in WORLD_KEYS if one not in text_of(site / "reference/world.html")] == []
    fixtures = text_of(site / "reference" / "pytest.html")
    for name in ("startline_device", "startline_cloud", "startline_station", "wait_for("):
        assert name in fixtures


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    """Scripts, styles, fonts and pictures come with the book: it reads well without a network."""
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|link|source)[^>]+(?:src|href)=\"?(https?://[^\"\s>]+)",
                            page.read_text(encoding="utf-8"))  # fmt: skip
        assert loaded == [], page
    for picture in site.rglob("*.svg"):
        assert not re.search(r"url\(|@import|href=\"http", _without_clips(picture)), picture


def _without_clips(picture: Path) -> str:
    return re.sub(r"url\(#[\w-]+\)", "", picture.read_text(encoding="utf-8"))

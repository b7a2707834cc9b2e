"""The system's Chromium, without a window, for tests that look at pages as a person does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.not_here import skip_outside_ci

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
          "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium; where it or playwright is not to be had, skip the test, and fail it in CI."""
    try:
        from playwright import sync_api
    except ImportError:
        skip_outside_ci("playwright is not installed")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if path is None:
        skip_outside_ci("there is no Chromium here (Debian: apt install chromium)")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=_QUIET)
        yield running
        running.close()


@contextmanager
def visiting(browser: Browser, patience: float, expected: str) -> Iterator[Callable[..., Page]]:
    """Lend what opens live pages of ours, by address and the options of a browser's context.

    `patience` is in milliseconds. At the end it is an error if a page has logged or thrown
    anything; a browser's own complaints that a test brings about hold the text `expected`.
    """
    complaints: list[str] = []
    contexts = []

    def go(url: str, **options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(patience)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        page.wait_for_selector("#link[data-state=live]")
        return page

    yield go
    for context in contexts:
        context.close()
    assert [one for one in complaints if expected not in one] == []

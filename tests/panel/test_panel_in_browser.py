"""The panel in a real browser: what a person sees, and what is asked before a reader is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from startline_host.panel import PanelServer
from tests.chromium import chromium, visiting
from tests.panel.test_panel_guards import BOOT, IDENTITY, RACE, READY
from tests.panel.visiting import TalkingReader, Visitor, options

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_PATIENCE = 60_000.0  # milliseconds, as the browser counts
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one browser for all tests of this file."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def reader() -> Iterator[TalkingReader]:
    """Have a reader that says what it is told to."""
    talking = TalkingReader()
    yield talking
    talking.unplug()


@pytest.fixture(scope="module")
def panel(reader: TalkingReader) -> Iterator[PanelServer]:
    """Run a panel that may change its reader, which is timing."""
    with PanelServer(options(reader.url, control=True)) as running:
        with Visitor(running) as visitor:
            visitor.until_says("has printed nothing")  # opening a port drops what came before
        reader.say(BOOT, IDENTITY, READY, RACE)
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Open a panel's page; fail if it logs or throws anything."""
    # That a request was refused, or the panel stopped, is the browser's own complaint.
    with visiting(browser, _PATIENCE, expected="Failed to load") as go:

        def visit_panel(panel: PanelServer, width: int = 1200, scheme: str = "light") -> Page:
            size = {"width": width, "height": 900}
            return go(panel.page_url, viewport=size, color_scheme=scheme)

        yield visit_panel


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_first_sentence_is_seen_first(
    panel: PanelServer, visit: Open, width: int, scheme: str
) -> None:
    """State and next step stand above all else, on a phone and a laptop, and nothing sticks out."""
    page = visit(panel, width, scheme)
    words = page.get_by_text("R-17 is timing 10 km: 9 stored, 4 sent, 5 waiting.", exact=True)
    words.wait_for()
    box = words.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 400
    assert page.locator("#next").bounding_box()["y"] > box["y"]
    for fold in page.locator("details").all():
        fold.evaluate("one => { one.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in paper[4:-1].split(",")) < 3 * 128) == (scheme == "dark")


def test_a_reader_is_stopped_only_after_a_question(
    panel: PanelServer, visit: Open, reader: TalkingReader
) -> None:
    """Each verb that interrupts says so, names the race, and does nothing when it is left alone."""
    page = visit(panel)
    page.get_by_text("R-17 is timing").first.wait_for()
    for button in ("Ask it …", "Read the journal …", "Inspect …"):
        page.get_by_role("button", name=button).click()
        dialog = page.get_by_role("dialog")
        assert "It is timing 10 km right now." in dialog.inner_text()
        dialog.get_by_role("button", name="Leave it alone").click()
    page.get_by_text("Wi-Fi and other settings").click()
    page.get_by_label("Wi-Fi name").fill("Arena")
    page.get_by_role("button", name="Set it …").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()
    page.get_by_text("The Wi-Fi password is needed.").wait_for()
    assert reader.got == b""


def test_words_from_a_reader_are_only_words(
    panel: PanelServer, visit: Open, reader: TalkingReader
) -> None:
    """Markup that a reader prints is shown as it was printed, and nothing of it runs."""
    page = visit(panel)
    reader.say(b"<img src=x onerror=alert(1)><b>bold</b>\n")
    page.locator("#console li", has_text="<img src=x onerror=alert(1)>").wait_for()
    assert page.locator("#console img, #console b").count() == 0


def test_a_page_whose_panel_was_started_anew_is_loaded_anew(
    reader: TalkingReader, visit: Open
) -> None:
    """The page says that the panel is gone, and belongs to the next one, token and all."""
    other = TalkingReader()
    with PanelServer(options(other.url, control=True)) as first:
        page = visit(first)
        number = int(first.page_url.rsplit(":", 1)[1].strip("/"))
    page.wait_for_selector("#link[data-state=lost]")
    with PanelServer(options(other.url, http_port=number)) as second:
        page.wait_for_function(
            "token => document.querySelector('meta[name=startline-token]').content === token",
            arg=second.token,
        )
        page.wait_for_selector("#link[data-state=live]")
        page.locator("#about", has_text="looks only").wait_for()
        assert not page.locator("#control").is_visible()
    other.unplug()

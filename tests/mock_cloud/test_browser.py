"""The page in a real browser: what a person sees and can do. Needs Chromium and playwright."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from startline_host.mock_cloud import MockCloud, MockOptions
from tests.chromium import chromium, visiting

from .conftest import Client, Start

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Connect = Callable[..., Client]

_SECOND = 1000.0  # milliseconds, as the browser counts


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run the system's Chromium, without a window, for the tests of this file."""
    with chromium() as running:
        yield running


Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Open a cloud's page; fail if it logs or throws anything."""
    # That a cloud went away is the browser's own complaint, and some tests make it do so.
    with visiting(browser, 10 * _SECOND, expected="net::ERR_") as go:

        def visit_cloud(
            cloud: MockCloud, *, width: int = 1366, height: int = 850, **options: Any
        ) -> Page:
            size = {"width": width, "height": height}
            return go(cloud.page_url, viewport=size, **options)

        yield visit_cloud


@pytest.fixture
def client(start: Start, connect: Connect) -> Client:
    """Call a cloud over plain HTTP, whose page a browser trusts, with a proxy before it."""
    return connect(start(tls=False, proxied=True))


def test_a_bind_is_seen_within_a_second(client: Client, visit: Open) -> None:
    """A device that binds stands in the list in less than a second, and is announced."""
    page = visit(client.cloud)
    assert page.get_by_text("No device is bound yet").is_visible()
    alias = "Çıkış – Ñandú"
    client.bind("DEVICE-123", model="Model X1", alias=alias)
    row = page.locator("#devices tr", has_text="DEVICE-123")
    row.wait_for(timeout=_SECOND)
    assert alias in row.inner_text()
    assert page.get_by_role("table").first.get_by_role("cell", name="bound").is_visible()
    page.wait_for_function("document.querySelector('[role=status]').textContent.includes('201')")


def test_a_request_is_shown_in_full_by_keyboard(client: Client, visit: Open) -> None:
    """Enter opens a request with its key masked, Escape closes it, and the focus comes back."""
    client.bind("R1")
    page = visit(client.cloud)
    button = page.get_by_role("button", name="POST /v0/devices")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Request 1")
    dialog.wait_for()
    shown = dialog.inner_text()
    assert client.key not in shown
    assert "api_key: ***" in shown
    assert '"serial_number": "R1"' in shown
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.textContent") == "POST /v0/devices"


def test_faults_are_switched_on_the_page(client: Client, visit: Open) -> None:
    """A fault is chosen, given its number, switched on, met by a reader, and switched off."""
    page = visit(client.cloud)
    page.get_by_role("combobox", name="Fault", exact=True).select_option("status")
    page.get_by_label("Status (200 to 599)").fill("418")
    page.get_by_label("Times").fill("2")
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("button", name="Switch status off").wait_for()
    assert [str(order) for order in client.cloud.faults.active] == ["status:418x2"]
    assert client.get("/devices").status_code == 418
    page.get_by_text("status:418x1").wait_for()
    page.get_by_text("fault status:418x2").wait_for()
    page.get_by_role("combobox", name="Fault", exact=True).select_option("cut_down")
    assert not page.get_by_label("Only for").is_visible()
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("button", name="Switch cut_down off").wait_for()
    page.get_by_role("button", name="All off").click()
    page.get_by_text("None is on").wait_for()
    assert client.cloud.faults.active == []


def test_passings_arrive_while_one_watches(client: Client, visit: Open) -> None:
    """An opened session shows its passings as they come."""
    token = client.session(client.bind("R1"), "START-5K")
    page = visit(client.cloud)
    session = page.get_by_role("button", name="START-5K", exact=True)
    session.click()
    page.get_by_text("No passing has arrived yet").wait_for()
    assert session.get_attribute("aria-expanded") == "true"
    client.pass_by(token, 41, 42)
    page.locator("#passing-rows tr[data-key='2']", has_text="42").wait_for(timeout=_SECOND)
    assert page.locator("#passing-rows tr").count() == 2
    client.call("PATCH", f"/sessions/close/{token}")
    page.locator("#sessions tr", has_text="closed").wait_for(timeout=_SECOND)


def test_a_session_is_closed_on_the_page(client: Client, visit: Open) -> None:
    """The button closes an active session as somebody else would, and is gone then."""
    token = client.session(client.bind("R1"), "START-5K")
    page = visit(client.cloud)
    button = page.get_by_role("button", name="Close START-5K")
    button.click()
    page.locator("#sessions tr", has_text="closed").wait_for()
    assert not button.is_visible()
    assert client.pass_by(token, 1).status_code == 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_gaps_doubles_and_curve_are_seen(
    start: Start, connect: Connect, visit: Open, scheme: str, width: int
) -> None:
    """An opened session names gaps and doubles and draws its curve, and fits on a phone."""
    client = connect(start(tls=False, duplicates="none"))
    token = client.session(client.bind("R1"), "START-5K")
    page = visit(client.cloud, width=width, color_scheme=scheme)
    page.get_by_role("button", name="START-5K", exact=True).click()
    assert not page.locator("#curve").is_visible()
    client.pass_by(token, 1, 2, 5, 5)
    page.get_by_text("2 missing: 3 to 4").wait_for()
    page.get_by_text("5 (2 times)").wait_for()
    picture = page.get_by_role("img", name="4 passings from")
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 200
    assert box["x"] + box["width"] <= width
    steps = page.locator("#curve-line-passed").get_attribute("d")
    assert steps is not None
    assert steps.count("V") == 4
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_reset_asks_first(client: Client, visit: Open) -> None:
    """Reset forgets everything after a question, and nothing before it."""
    client.bind("R1")
    page = visit(client.cloud)
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog", name="Forget everything?").wait_for()
    page.get_by_role("button", name="Keep it").click()
    assert len(client.cloud.devices()) == 1
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Forget it").click()
    page.get_by_text("No device is bound yet").wait_for()
    assert client.cloud.devices() == []


def test_words_from_readers_are_only_words(client: Client, visit: Open) -> None:
    """Markup in names is shown as it was sent, and nothing of it runs."""
    nasty = "<img src=x onerror=alert(1)><b>bold</b>"
    client.bind(nasty, alias=nasty, firmware=nasty)
    page = visit(client.cloud)
    row = page.locator("#devices tr").first
    assert nasty in row.inner_text()
    assert page.locator("#devices img, #devices b").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 740), (390, 844), (768, 1024), (1366, 850)])
def test_the_page_fits(client: Client, visit: Open, scheme: str, width: int, height: int) -> None:
    """Nothing sticks out sideways, on phones and laptops, and the ink stands out from the paper."""
    client.session(client.bind("A serial number that is rather long " * 3, alias="x" * 200))
    client.get("/devices/" + "0" * 64)
    client.cloud.faults.turn_on("commit_late_gateway:300x99")
    page = visit(client.cloud, width=width, height=height, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.body).{what}")
        for what in ("color", "backgroundColor")
    )
    is_dark = sum(int(part) for part in paper[4:-1].split(",")) < 3 * 128
    assert is_dark == (scheme == "dark")
    assert ink != paper


def test_the_page_comes_back_by_itself(start: Start, connect: Connect, visit: Open) -> None:
    """When the cloud goes away the page says so, and it is live again with a new cloud there."""
    with MockCloud(MockOptions(tls=False)) as first:
        page = visit(first)
    page.wait_for_selector("#link[data-state=lost]")
    second = start(tls=False, port=first.port)
    connect(second).bind("R2")
    page.wait_for_selector("#link[data-state=live]")
    page.locator("#devices tr", has_text="R2").wait_for()


def test_a_password_is_asked_for(start: Start, connect: Connect, visit: Open) -> None:
    """With the password given, the page and its stream of news work."""
    from startline_host.secrets import Secret

    cloud = start(tls=False, password=Secret("wide open"))
    page = visit(cloud, http_credentials={"username": "a", "password": "wide open"})
    connect(cloud).bind("R3")
    page.locator("#devices tr", has_text="R3").wait_for()

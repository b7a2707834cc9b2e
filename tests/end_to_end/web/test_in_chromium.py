"""The whole way in a browser: a blank chip, the page, esptool-js, Improv, and bound at the cloud."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from startline_host.flows import web_installer
from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.chromium import chromium
from tests.end_to_end.common import MODEL, SERIAL, Startline
from tests.end_to_end.web.serial_bridge import SerialBridge
from tests.not_here import skip_outside_ci
from tests.npm_packages import NotHereError, fetch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

_STAND_IN = Path(__file__).with_name("web_serial.js")
_PINS = Path(web_installer.__file__).parent
_PASSWORD = "p" * 63
_SETTINGS = f"""
[claim]
cloud = "rufus"
base_url = "{{base_url}}"
key_env = "CLAIM_KEY"
[net]
ssid = "elsewhere"
password_env = "WIFI_PASSWORD"
[tls]
ca = "ca.pem"
[set]
improv = true
boot_limit = 20
[unit]
model = "{MODEL}"
"""
#: What ends a test that hangs; nothing here depends on how fast the machine is.
_PATIENCE = 180_000.0  # milliseconds, as the browser counts
#: How often a reader is asked that has 1.5 s to answer, which is the tool's own limit.
_TRIES = 20
#: Bytes to the device after which a browser goes away: the application is half written then.
_IN_THE_APPLICATION = 18_000


@pytest.fixture(scope="module")
def site(bundle: FirmwareBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the folder for the virtual board."""
    try:
        modules = fetch(_PINS, "web")
    except NotHereError as error:
        skip_outside_ci(error)
    out = tmp_path_factory.mktemp("web") / "site"
    web_installer.build_web(bundle, out, modules)
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one browser for all."""
    with chromium() as running:
        yield running


class Visit:
    """Somebody at the page, with a reader plugged in."""

    def __init__(self, browser: Browser, bridge: SerialBridge, **manifest: Any) -> None:
        self.requested: list[str] = []
        self._context = browser.new_context(viewport={"width": 1200, "height": 900})
        self._context.set_default_timeout(_PATIENCE)
        self._context.add_init_script(path=_STAND_IN)
        self.page: Page = self._context.new_page()
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.change("manifest.json", manifest)
        self.page.goto(bridge.address)
        self.page.locator("#work").wait_for()

    def change(self, file: str, fields: dict[str, Any]) -> None:
        """Serve one of the site's JSON files with other fields."""
        self.page.route(
            f"**/{file}", lambda route: route.fulfill(json={**route.fetch().json(), **fields})
        )

    def connect(self) -> None:
        """Give the tool a reader, and wait until it knows whether that speaks Improv."""
        self.press("Connect a reader")
        self.dialog.locator("ew-list").wait_for()

    def install(self, is_enough: Callable[[], bool]) -> None:
        """Have the tool load a reader, without erasing it, until that has come so far.

        The tool gives a chip 0.1 s to wake up and 3 s for a command. A chip that a busy computer
        plays may need longer, and is loaded again then.
        """
        for _ in range(_TRIES):
            self._begin_to_install()
            failed = False
            while not failed:
                failed = self.button("Back").is_visible()
                if is_enough():
                    return
                self.page.wait_for_timeout(50)
            self.page.reload()
        raise AssertionError(self.failure())

    def install_all(self) -> None:
        """Load a reader to the end, and close the dialog."""
        self.install(self.button("Next").is_visible)
        self.press("Next")
        self.close_dialog()

    def failure(self) -> str:
        """Return what the tool says of an installation that failed."""
        message = self.dialog.locator("ewt-page-message")
        return str(message.evaluate("message => message.label")) if message.is_visible() else ""

    def _begin_to_install(self) -> None:
        # It asks about erasing where the reader has not said in time that it runs the agent.
        self.connect()
        self.item(re.compile("(Install|Update) Startline")).click()
        asked, confirmed = self.button("Next"), self.button("Install")
        asked.or_(confirmed).wait_for()
        if asked.is_visible():
            assert not self.dialog.locator("ew-checkbox input").is_checked()
            asked.click()
        confirmed.click()
        confirmed.wait_for(state="hidden")

    def open_wifi(self) -> None:
        """Come to the form for the Wi-Fi; a reader that was too slow to answer is asked again."""
        wifi = self.item("Connect to Wi-Fi")
        for _ in range(_TRIES):
            self.connect()
            if wifi.is_visible():
                break
            self.close_dialog()
        wifi.click()

    def item(self, text: str | re.Pattern[str]) -> Locator:
        """Return an item of the tool's menu."""
        return self.dialog.locator("ew-list-item", has_text=text)

    def button(self, name: str) -> Locator:
        """Return a button, the page's or the tool's."""
        return self.page.get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> None:
        """Press a button."""
        self.button(name).click()

    def close_dialog(self) -> None:
        """Close the tool's dialog by its cross."""
        self.dialog.locator("ew-icon-button").click()

    @property
    def dialog(self) -> Locator:
        """The tool's dialog."""
        return self.page.locator("ewt-install-dialog")

    def wait_for_state(self, state: str) -> str:
        """Return what the page says of a reader once that has this state."""
        self.page.locator(f"#state[data-state={state}]").wait_for()
        return self.page.locator("#state").inner_text()

    def leave(self) -> None:
        """Close the browser's window."""
        self._context.close()


def test_from_a_blank_chip_to_bound(
    browser: Browser,
    site: Path,
    cloud: MockCloud,
    startline: Startline,
    start: Callable[..., VirtualEsp32],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page loads a chip by esptool-js, and says that it has no identity, and what brings one.

    Provisioned, it gets its Wi-Fi by Improv, binds, and the page says so. A browser that goes away
    in the middle of an update leaves a reader of which `inspect` says what it lacks; the next
    update ends well. Nothing comes from another host, and nothing ever erases the binding.
    """
    monkeypatch.setenv("CLAIM_KEY", cloud.keys["WRITE"])
    monkeypatch.setenv("WIFI_PASSWORD", "bench-wifi")
    (tmp_path / "ca.pem").write_bytes(cloud.ca_pem)
    (tmp_path / "settings.toml").write_text(_SETTINGS.format(base_url=cloud.base_url))
    chip = start({"access_points": {"venue": {"password": _PASSWORD}}})
    with SerialBridge(site, chip.url) as bridge:
        visit = Visit(browser, bridge, new_install_improv_wait_time=300)
        _load_blank_chip(visit)
        _refuse_other_layout(visit)
        visit.press("Stop listening")
        bridge.wait_until_closed()
        done = startline("provision", "-p", chip.url, "--serial", SERIAL)
        assert done.code == 0, done.err
        _set_up_wifi(visit)
        said = visit.wait_for_state("bound")
        (device,) = cloud.devices()
        assert f"{SERIAL} is bound." in said
        assert device["deviceid"] in said
        _check_look(visit, tmp_path)

        bridge.hold_after = _IN_THE_APPLICATION
        visit.install(bridge.held.is_set)
        visit.leave()
        bridge.let_go()
        bridge.wait_until_closed()
        inspected = startline("inspect", "-p", chip.url, "--json").lines()[-1]["found"]
        assert [words.partition(":")[0] for words in inspected["missing"]] == ["application"]
        assert inspected["record"]["state"] == "bound"

        visit = Visit(browser, bridge, new_install_improv_wait_time=1)
        visit.install_all()
        visit.press("Restart it")
        assert device["deviceid"] in visit.wait_for_state("bound")
        assert {urlsplit(url).netloc for url in visit.requested} == {
            urlsplit(bridge.address).netloc
        }
        visit.leave()
    assert cloud.devices() == [device]
    assert [request.method for request in cloud.requests].count("POST") == 1


def _load_blank_chip(visit: Visit) -> None:
    visit.install_all()
    visit.press("Restart it")
    said = visit.wait_for_state("unprovisioned")
    assert "No identity: provision it." in said
    assert "Missing: serial number, model, cloud, address of its cloud." in said
    assert "startline provision" in said


def _refuse_other_layout(visit: Visit) -> None:
    """Files for another size of flash, or another place of the identity, are not written."""
    for facts, words in (
        ({"flash_size": 8 << 20}, "This chip has 4 MB of flash, and these files are for 8 MB"),
        ({"fctry": 0x7FC000}, "keeps its identity at another place in flash"),
    ):
        visit.change("startline.json", facts)
        visit.page.reload()
        visit.install(lambda said=words: said in visit.failure())  # type: ignore[misc]
        visit.page.unroute("**/startline.json")
        visit.page.reload()
    visit.press("Listen to a reader")


def _set_up_wifi(visit: Visit) -> None:
    visit.press("Listen to a reader")
    visit.press("Restart it")
    said = visit.wait_for_state("unbound")
    assert f"{SERIAL} is not bound yet." in said
    assert "no such network" in said
    visit.open_wifi()
    visit.page.locator("ew-filled-text-field[name=password] input").fill(_PASSWORD)
    visit.press("Connect")
    visit.press("Continue")
    visit.close_dialog()


def _check_look(visit: Visit, folder: Path) -> None:
    """Nothing sticks out sideways, on phones and laptops, and the ink stands out from the paper."""
    for width, height in ((390, 844), (1200, 900)):
        for scheme in ("light", "dark"):
            visit.page.set_viewport_size({"width": width, "height": height})
            visit.page.emulate_media(color_scheme=scheme)
            visit.page.screenshot(path=folder / f"page-{width}-{scheme}.png", full_page=True)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
            paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
            is_dark = sum(int(part) for part in paper[4:-1].split(",")) < 3 * 128
            assert is_dark == (scheme == "dark")

"""A folder that any web server serves, from which a browser loads readers and sets up their Wi-Fi.

It holds a manifest for ESP Web Tools, the images that all readers of a board share, the tool itself
and a page. No part touches what a device owns: a reader keeps its identity, binding and passings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from startline import __version__

from startline_host.device.event_text import reason_words
from startline_host.errors import Bug
from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.flows.output_folder import write_folder
from startline_host.flows.web_installer.npm_packages import browser_modules, licences, web_tool
from startline_host.formats.bytecode import ROLES
from startline_host.formats.flash_plan import FlashPlan

MANIFEST = "manifest.json"
#: The list of all files, as `sha256sum -c` takes it.
INDEX = "SHA256SUMS"
#: What a device owns, or was given in the factory: no part of the manifest may touch it.
KEPT = ("nvs", "phy_init", "race", "bind", "fctry")
#: How long after an installation the tool asks for Improv, in seconds: a first boot imports the
#: agent, and takes a while for a join before it hears a browser.
_IMPROV_SECONDS = 30
#: Chips as ESP Web Tools calls them, by esptool's names.
_FAMILIES = {
    "esp32": "ESP32",
    "esp32s2": "ESP32-S2",
    "esp32s3": "ESP32-S3",
    "esp32c3": "ESP32-C3",
    "esp32c6": "ESP32-C6",
}
_PAGE = Path(__file__).parent / "page"


class WebPart(msgspec.Struct, frozen=True):
    """One file to flash; `path` from the manifest, `offset` in flash."""

    path: str
    offset: int


class WebBuild(msgspec.Struct, frozen=True, rename="camel"):
    """What goes to one kind of chip."""

    chip_family: str
    parts: list[WebPart]


class WebManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What ESP Web Tools reads (https://esphome.github.io/esp-web-tools/, "Creating your manifest").

    The name is what the agent calls itself over Improv, so the tool offers a reader an update,
    which erases nothing. The version names the firmware too, so it is never the one that a reader
    says: for an equal one the tool offers nothing but to erase. With `new_install_prompt_erase` it
    asks before it erases a reader that does not answer, instead of erasing it unasked.
    """

    name: str = "Startline"
    version: str
    new_install_prompt_erase: bool = True
    new_install_improv_wait_time: int = _IMPROV_SECONDS
    builds: list[WebBuild]


def build_web(bundle: FirmwareBundle, out: Path, packages: Path | None = None) -> WebManifest:
    """Write the folder `out` for a board, with all roles of the agent, and return its manifest.

    `packages` is a folder that holds the package esp-web-tools; without, npm fetches it. The same
    input gives the same bytes. Raises BadInput for an `out` that holds other files or cannot be
    written, and as `web_tool` does; `out` is as it was then.
    """
    everything = bundle.with_roles(frozenset(ROLES), listens=True)
    plan = everything.plan(vfs=True, fctry=None)
    _check(plan)
    manifest = WebManifest(
        version=f"{__version__} (MicroPython {bundle.firmware.version})",
        builds=[
            WebBuild(
                _FAMILIES[plan.chip],
                [WebPart(_file_name(region.name), region.offset) for region in plan],
            )
        ],
    )
    files = {_file_name(region.name): region.data for region in plan}
    files |= {path.name: path.read_bytes() for path in _PAGE.iterdir() if path.is_file()}
    files |= {MANIFEST: _json(manifest), "startline.json": _json(_page_facts(bundle, plan))}

    def write(work: Path) -> None:
        with web_tool(packages) as tool:
            modules = {
                f"esp-web-tools/{name}": data for name, data in browser_modules(tool).items()
            }
            terms = {"esp-web-tools/LICENSES.txt": licences(tool).encode()}
        _write_all(work, {**files, **modules, **terms})

    write_folder(out, write, index=INDEX, listed=_listed, mode=0o755)
    return manifest


def _check(plan: FlashPlan) -> None:
    """Raise Bug for a plan with a part that erases any of a device's own."""
    kept = [row for row in plan.table if row.name in KEPT]
    for region in plan:
        for row in kept:
            if region.offset < row.end and row.offset < region.erased_end:
                raise Bug(f"The part {region.name} would erase {row.name}.")


def _page_facts(bundle: FirmwareBundle, plan: FlashPlan) -> dict[str, object]:
    """Return what the page has to know: of the board, and the words for what a reader says."""
    return {
        "board": bundle.board.title,
        "board_name": bundle.board.full_name,
        "startline": __version__,
        "micropython": bundle.firmware.version,
        "flash_size": plan.flash_size,
        "fctry": plan.table.get("fctry").offset,
        "app": bundle.has_app,
        "words": reason_words(),
    }


def _file_name(region: str) -> str:
    return f"firmware/{region.replace(' ', '-')}.bin"


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _write_all(work: Path, files: Mapping[str, bytes]) -> None:
    lines = []
    for name, data in sorted(files.items()):
        path = work / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        lines.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
    (work / INDEX).write_text("".join(lines), encoding="utf-8")


def _listed(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    return {line.partition("  ")[2] for line in lines}

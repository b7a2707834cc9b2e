"""Board profiles: what `boards/<BOARD>/board.toml` says of a board, and nothing more."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from startline_host.errors import BadInput
from startline_host.text_file import parse_toml, toml_fault

#: The chips that profiles may name, by esptool's names, with the pins that can carry no LED: those
#: of the flash, of the console (UART 0, and USB where the chip has its own), inputs, and gaps in
#: the numbering. Source: ESP-IDF's "GPIO & RTC GPIO" of each chip.
_NO_LED: dict[str, frozenset[int]] = {
    "esp32": frozenset({1, 3, *range(6, 12), 20, 24, *range(28, 32), *range(34, 128)}),
    "esp32s2": frozenset({19, 20, *range(22, 33), 43, 44, *range(46, 128)}),
    "esp32s3": frozenset({19, 20, *range(22, 33), 43, 44, *range(49, 128)}),
    "esp32c3": frozenset(range(11, 128)),
    "esp32c6": frozenset({12, 13, 16, 17, *range(24, 128)}),
}
_MIB = 1 << 20
#: What a reader needs: the application, two copies of its record, and room for files.
LEAST_FLASH = 4 * _MIB
NEEDED_FLASH = "A reader needs at least 4 MiB of flash."

Hex256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Release = Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d+){1,2}(-[-.+\w]+)?$")]
#: A name and no path: it is made into one below the cache, beside the lock file.
FirmwareName = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][-.+\w]*\.bin)?$")]
UsbId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{4}:[0-9a-f]{4}$")]


class FirmwarePin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of the firmware that a board can be loaded with.

    `file` is the published file's name and `url` where it is; `sha256` is absent where it is not
    known yet. `synthetic` means that the project makes the image itself, and there is no file.
    """

    version: Release
    file: FirmwareName = ""
    url: str = ""
    sha256: Hex256 | None = None
    size: int | None = None
    synthetic: bool = False


class Baud(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Line rates in baud: of the console, and the first that is tried while flashing."""

    console: int = 115200
    flash: int = 921600


class Led(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pin of a plain LED, and the level that lights it."""

    pin: int
    active: Literal[0, 1] = 1

    @property
    def setting(self) -> int:
        """The pin as a device takes it in `set.led`: plus 128 where a low level lights it."""
        return self.pin if self.active else self.pin + 128


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One board; sizes and offsets in bytes, `usb_ids` as "vid:pid" in lower-case hex.

    `firmware` is what it is loaded with, one of `firmware_versions`, newest first.
    `race_size` is that of the journal of passings, 0 for a board that times no races.
    """

    name: str
    title: str
    chip: str
    flash_size: int
    firmware_offset: int
    firmware: FirmwarePin
    firmware_versions: tuple[FirmwarePin, ...] = ()
    variant: str = ""
    race_size: int = 0
    baud: Baud = Baud()
    usb_ids: tuple[UsbId, ...] = ()
    led: Led | None = None
    notes: str = ""

    @property
    def full_name(self) -> str:
        """The name to load this very board by: "NAME" or "NAME:VARIANT"."""
        return f"{self.name}:{self.variant}" if self.variant else self.name


def data_folder(name: str) -> Path:
    """Return the folder of that name ("boards", "firmware") that came with this program.

    It lies in the repository, or, once installed, among the package's data.
    """
    here = Path(__file__).parent
    installed = here / "data" / name
    return installed if installed.is_dir() else here.parents[1] / name


def board_names() -> list[str]:
    """Name every board and every variant of it, as `load_board` takes them."""
    names: list[str] = []
    for path in sorted(data_folder("boards").glob("*/board.toml")):
        names.append(path.parent.name)
        names += [f"{path.parent.name}:{variant}" for variant in _read(path).get("variants", {})]
    return names


def load_board(name: str, firmware_version: str | None = None) -> Board:
    """Load "BOARD", "BOARD:VARIANT", or a path to a board.toml of one's own.

    Its firmware is the newest whose digest is known, or the version that is named. Raises BadInput
    for an unknown board, variant or version, or a profile that breaks the schema.
    """
    base, _, variant = name.partition(":")
    path = data_folder("boards") / base / "board.toml"
    if name.endswith(".toml"):
        path, variant = Path(name), ""
    elif not base.replace("_", "").isalnum() or not path.is_file():
        raise BadInput(
            f"There is no board {base!r}.", f"The boards are: {', '.join(board_names())}."
        )
    board = _board(_read(path), variant, path)
    return board if firmware_version is None else _with_firmware(board, firmware_version)


def release_order(version: str) -> tuple[list[int], bool, str]:
    """Return a key that sorts MicroPython's versions; a preview comes before its release."""
    release, _, preview = version.partition("-")
    return [int(part) for part in release.split(".")], not preview, preview


def _with_firmware(board: Board, version: str) -> Board:
    wanted = version.removeprefix("v")
    pins = {pin.version: pin for pin in board.firmware_versions}
    if wanted not in pins:
        raise BadInput(
            f"{board.full_name} has no firmware {version!r}.",
            f"Its versions are {', '.join(pins)}; a file of another one is named with --firmware.",
        )
    return msgspec.structs.replace(board, firmware=pins[wanted])


def _read(path: Path) -> dict[str, Any]:
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"The board file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"The board file {path} is not valid TOML: {toml_fault(error)}.") from None


def _board(raw: dict[str, Any], variant: str, path: Path) -> Board:
    variants = raw.pop("variants", {})
    if variant:
        if variant not in variants:
            known = ", ".join(variants) or "none"
            raise BadInput(
                f"{path.parent.name} has no variant {variant!r}.", f"Its variants are: {known}."
            )
        changes = variants[variant]
        # A variant's firmware is its own as a whole: half of another file's pin is no pin.
        raw = raw | changes | {"variant": variant}
    listed = raw.pop("firmware", [])
    raw["firmware_versions"] = [listed] if isinstance(listed, dict) else listed
    try:
        pins = msgspec.convert(raw["firmware_versions"], tuple[FirmwarePin, ...])
        pins = tuple(sorted(pins, key=lambda pin: release_order(pin.version), reverse=True))
        if not pins:
            raise BadInput(f"The board file {path} is wrong: it lists no [[firmware]].")
        raw |= {"firmware_versions": pins, "firmware": _usual(pins)}
        board = msgspec.convert(raw, Board)
    except msgspec.ValidationError as error:
        raise BadInput(f"The board file {path} is wrong: {error}.") from None
    return _checked(board, path)


def _checked(board: Board, path: Path) -> Board:
    if board.chip not in _NO_LED:
        raise BadInput(f"{path}: unknown chip {board.chip!r}; known are {', '.join(_NO_LED)}.")
    if board.led is not None and (
        board.led.pin not in range(128) or board.led.pin in _NO_LED[board.chip]
    ):
        raise BadInput(f"{path}: GPIO {board.led.pin} of an {board.chip} can carry no LED.")
    if board.flash_size % _MIB or board.flash_size.bit_count() != 1:
        raise BadInput(f"{path}: flash_size {board.flash_size} is not a power of two in MiB.")
    if board.race_size % 0x1000 or not 0 <= board.race_size <= board.flash_size // 2:
        raise BadInput(
            f"{path}: race_size {board.race_size} is not made of sectors of 4096 bytes, "
            "or more than half of the flash."
        )
    if board.firmware_offset not in {0, 0x1000, 0x2000}:
        raise BadInput(f"{path}: no chip boots from firmware_offset {board.firmware_offset:#x}.")
    for pin in board.firmware_versions:
        _check_pin(pin, path)
    for what in ("version", "file"):
        told = [text for pin in board.firmware_versions if (text := getattr(pin, what))]
        if len(set(told)) < len(told):
            raise BadInput(f"{path}: two [[firmware]] have the same {what}.")
    return board


def _check_pin(pin: FirmwarePin, path: Path) -> None:
    if pin.synthetic == bool(pin.file) or bool(pin.file) != bool(pin.url):
        raise BadInput(f"{path}: [[firmware]] needs file and url, or synthetic = true.")
    if pin.url and not pin.url.startswith("https://"):
        raise BadInput(f"{path}: the firmware's url is not https.")


def _usual(pins: tuple[FirmwarePin, ...]) -> FirmwarePin:
    """Return the newest version whose digest is known; where none is, the newest."""
    return next((pin for pin in pins if pin.sha256 or pin.synthetic), pins[0])

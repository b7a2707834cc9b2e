"""Board profiles: what `boards/<BOARD>/board.toml` says of a board, and nothing more."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from startline_host.errors import BadInput
from startline_host.file_access import MOST_TEXT, read_file
from startline_host.schema_words import checked, unknown_name
from startline_host.text_file import decode_text, parse_toml, toml_fault

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

#: What `--board` and `startline boards` take: a colon begins the variant.
BoardName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][-.\w]*\Z",
        description="letters, digits, '-', '_' and '.', and begin with a letter or digit",
    ),
]
Hex256 = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z", description="64 hex digits in lower case")
]
Release = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d+(\.\d+){1,2}(-[-.+\w]+)?\Z", description="a version such as '1.26.1'"
    ),
]
#: A name and no path: it is made into one below the cache, beside the lock file.
FirmwareName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([A-Za-z0-9][-.+\w]*\.bin)?\Z",
        description="the name of a .bin file, without a folder",
    ),
]
UsbId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}\Z",
        description="vid:pid in lower-case hex, such as '1a86:7523'",
    ),
]
Rate = Annotated[int, msgspec.Meta(ge=300, description="a rate of 300 baud or more")]
Size = Annotated[int, msgspec.Meta(ge=1, description="a size of 1 byte or more")]


class FirmwarePin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of the firmware that a board can be loaded with.

    `file` is the published file's name and `url` where it is; `sha256` is absent where it is not
    known yet. `synthetic` means that the project makes the image itself, and there is no file.
    """

    version: Release
    file: FirmwareName = ""
    url: str = ""
    sha256: Hex256 | None = None
    size: Size | None = None
    synthetic: bool = False


class Baud(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Line rates in baud: of the console, and the first that is tried while flashing."""

    console: Rate = 115200
    flash: Rate = 921600


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

    name: BoardName
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


#: What a board file may say at its top; `variants` is besides.
_FIELDS = frozenset(Board.__struct_fields__) - {"firmware_versions", "variant"}


def data_folder(name: str) -> Path:
    """Return the folder of that name ("boards", "firmware") that came with this program.

    It lies in the repository, or, once installed, among the package's data.
    """
    here = Path(__file__).parent
    installed = here / "data" / name
    return installed if installed.is_dir() else here.parents[1] / name


class BoardList(msgspec.Struct, frozen=True):
    """Every board and variant that can be loaded, and why others cannot."""

    boards: list[Board]
    broken: list[BadInput]


def board_names() -> list[str]:
    """Name every board and every variant of it, as `load_board` takes them."""
    names: list[str] = []
    for name, path in _paths().items():
        names.append(name)
        try:
            variants = _read(path).get("variants")
        except BadInput:
            continue  # Loading that board says what is wrong with its file.
        if isinstance(variants, dict):
            names += [f"{name}:{variant}" for variant in variants]
    return names


def list_boards() -> BoardList:
    """Load every board and every variant of it; one that is broken does not stop the others."""
    found = BoardList([], [])
    for name in board_names():
        try:
            found.boards.append(load_board(name))
        except BadInput as error:
            # A file that is wrong as a whole is wrong for each of its variants.
            if error.message not in {known.message for known in found.broken}:
                found.broken.append(error)
    return found


def load_board(name: str, firmware_version: str | None = None) -> Board:
    """Load "BOARD", "BOARD:VARIANT", or a path to a board.toml of one's own, with or without ":VARIANT".

    Its firmware is the newest whose digest is known, or the version that is named. Raises BadInput
    for an unknown board, variant or version, or a profile that breaks the schema.
    """
    base, _, variant = name.partition(":")
    paths = _paths()
    path = paths.get(base)
    if name.endswith(".toml"):
        path, variant = Path(name), ""
    elif ".toml:" in name:
        base, _, variant = name.rpartition(":")
        path = Path(base)
    elif path is None:
        raise BadInput(
            f"There is no board {base!r}.",
            f"The boards are: {', '.join(board_names())}; one of your own is named by the path of "
            "its board.toml.",
        )
    try:
        board = _board(_read(path), variant, path)
        if base in paths:
            _check_folder(board, base)
    except BadInput as error:
        if error.hint:
            raise
        raise BadInput(f"The board file {path} is wrong: {error.message}.") from None
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


def _paths() -> dict[str, Path]:
    """Return the profile of each folder that holds one, by the folder's name."""
    found = sorted(data_folder("boards").glob("*/board.toml"))
    return {path.parent.name: path for path in found}


def _read(path: Path) -> dict[str, Any]:
    how = "docs/how-to/add-a-board.md has an example."
    try:
        return parse_toml(decode_text(read_file(path, MOST_TEXT)))
    except OSError as error:
        raise BadInput(f"The board file {path} cannot be read: {error.strerror}.", how) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The board file {path} is not valid TOML: {toml_fault(error)}.", how
        ) from None


def _board(raw: dict[str, Any], variant: str, path: Path) -> Board:
    """Return the board that a file describes. Raises BadInput with a clause, or with a hint."""
    _check_fields(raw, {*_FIELDS, "variants"})
    variants = checked(raw.pop("variants", {}), dict[str, Any], "variants")
    for name, changes in variants.items():
        checked(changes, dict[str, Any], f"variants.{name}")
        _check_fields(changes, _FIELDS - {"name"}, f"variants.{name}")
    if variant:
        if variant not in variants:
            known = ", ".join(variants) or "none"
            raise BadInput(
                f"{path.parent.name} has no variant {variant!r}.", f"Its variants are: {known}."
            )
        # A variant's firmware is its own as a whole: half of another file's pin is no pin.
        raw = raw | variants[variant] | {"variant": variant}
    listed = raw.pop("firmware", [])
    listed = listed if isinstance(listed, list) else [listed]
    pins = [checked(pin, FirmwarePin, "firmware") for pin in listed]
    pins.sort(key=lambda pin: release_order(pin.version), reverse=True)
    if not pins:
        raise BadInput("it lists no [[firmware]]")
    board: Board = checked(
        raw | {"firmware_versions": pins, "firmware": _usual(tuple(pins))}, Board
    )
    _check(board)
    return board


def _check_folder(board: Board, folder: str) -> None:
    if board.name != folder:
        raise BadInput(f"name is {board.name!r}; it must be that of its folder, {folder!r}")


def _check_fields(raw: dict[str, Any], known: frozenset[str] | set[str], within: str = "") -> None:
    for name in raw:
        if name not in known:
            raise BadInput(unknown_name(name, sorted(known), within))


def _check(board: Board) -> None:
    """Raise BadInput, with a clause, for values that do not go together."""
    if board.chip not in _NO_LED:
        raise BadInput(f"unknown chip {board.chip!r}; known are {', '.join(_NO_LED)}")
    if board.led is not None and (
        board.led.pin not in range(128) or board.led.pin in _NO_LED[board.chip]
    ):
        raise BadInput(f"GPIO {board.led.pin} of an {board.chip} can carry no LED")
    _check_sizes(board)
    if board.firmware_offset not in {0, 0x1000, 0x2000}:
        raise BadInput(f"no chip boots from firmware_offset {board.firmware_offset:#x}")
    for pin in board.firmware_versions:
        _check_pin(pin)
    for what in ("version", "file"):
        told = [text for pin in board.firmware_versions if (text := getattr(pin, what))]
        if len(set(told)) < len(told):
            raise BadInput(f"two [[firmware]] have the same {what}")


def _check_sizes(board: Board) -> None:
    if board.flash_size % _MIB or board.flash_size.bit_count() != 1:
        raise BadInput(f"flash_size {board.flash_size} is not a power of two in MiB")
    if board.flash_size < LEAST_FLASH:
        raise BadInput(
            f"flash_size {board.flash_size} is too small. {NEEDED_FLASH.removesuffix('.')}"
        )
    if board.race_size % 0x1000 or board.race_size < 0:
        raise BadInput(f"race_size {board.race_size} is not a multiple of 4096, a sector of flash")
    if board.race_size > board.flash_size // 2:
        raise BadInput(f"race_size {board.race_size} is more than half of the flash")


def _check_pin(pin: FirmwarePin) -> None:
    if pin.synthetic == bool(pin.file) or bool(pin.file) != bool(pin.url):
        raise BadInput("[[firmware]] needs file and url, or synthetic = true")
    if pin.url and not pin.url.startswith("https://"):
        raise BadInput("the firmware's url is not https")


def _usual(pins: tuple[FirmwarePin, ...]) -> FirmwarePin:
    """Return the newest version whose digest is known; where none is, the newest."""
    return next((pin for pin in pins if pin.sha256 or pin.synthetic), pins[0])

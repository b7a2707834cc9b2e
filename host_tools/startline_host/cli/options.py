"""Options that several verbs share, and how their values are found when they are not given."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click
from click import get_current_context
from click.core import ParameterSource

from startline_host.boards import Board, board_names, list_boards, load_board
from startline_host.cli.output import warn
from startline_host.cli.written_files import WRITTEN
from startline_host.clouds.cloud_registry import cloud_names, what_lacks
from startline_host.device.port import check_present
from startline_host.device.ports import UsbId, detect_port, list_serial_ports
from startline_host.errors import BadInput
from startline_host.flows.firmware_bundle import FirmwareBundle, make_bundle
from startline_host.flows.firmware_store import FirmwareStore, default_cache
from startline_host.flows.operator.cloud_target import CloudTarget
from startline_host.flows.operator.confirmation import Ask, Confirmation
from startline_host.flows.settings_file import load_cloud_target
from startline_host.formats.ca_certificates import load_certificates
from startline_host.formats.cloud_url import parse_url
from startline_host.formats.serial_number import check_serial
from startline_host.secrets import Secret, secret_from_file
from startline_host.util import printable

Command = TypeVar("Command", bound=Callable[..., Any])

#: A path that is looked at by what uses it, which says more of what is wrong than a usage error.
FILE = click.Path(path_type=Path, readable=False)
#: The board that stands for every other where none is named.
DEFAULT_BOARD = "ESP32_GENERIC"
_SETTINGS = "settings.toml"
#: Parameters that say which device is read, and how.
_OF_A_DEVICE = frozenset({"port", "baud", "interrupt", "hard"})

#: Where a READ key is looked for; it only ever looks.
READ_KEY_VARIABLE = "STARTLINE_READ_KEY"


class CloudChoice(click.Choice[str]):
    """The name of a cloud; one that its author may take for such is told what it lacks."""

    def __init__(self) -> None:
        super().__init__(cloud_names())

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return a name that is a cloud's."""
        words = "" if value in self.choices else what_lacks(str(value))
        if words:
            self.fail(words, param, ctx)
        return super().convert(value, param, ctx)


def _ports(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Complete a serial port."""
    return [port.url for port in list_serial_ports() if port.url.startswith(begun)]


def _boards(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a board."""
    return [name for name in board_names() if name.startswith(begun)]


port_option = click.option(
    "-p", "--port", envvar=["STARTLINE_PORT", "ESPPORT"], metavar="URL",
    shell_complete=_ports,
    help="Serial port: /dev/ttyUSB0, COM5, rfc2217://host:port, socket://host:port.",
)  # fmt: skip

flash_baud_option = click.option(
    "-b", "--baud", type=click.IntRange(min=1200), envvar=["STARTLINE_BAUD", "ESPBAUD"],
    help="Line rate while flashing; the board's by default, and slower where that fails.",
)  # fmt: skip

console_baud_option = click.option(
    "-b", "--baud", type=click.IntRange(min=1200), default=115200, show_default=True,
    help="Line rate of the console.",
)  # fmt: skip

board_option = click.option(
    "--board", envvar="STARTLINE_BOARD", default=DEFAULT_BOARD, show_default=True,
    shell_complete=_boards,
    help="Board, or BOARD:VARIANT; `startline boards` lists them.",
)  # fmt: skip

hard_option = click.option(
    "--hard", is_flag=True,
    help="Reset the device and stop it before its app.py starts: for one whose program keeps the "
    "console.",
)  # fmt: skip

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON lines; the last is the result."
)

allow_bound_option = click.option(
    "--allow-bound", is_flag=True,
    help="Load a bound device too: agent only, identity and record stay.",
)  # fmt: skip

read_key_option = click.option(
    "--read-key-file", type=FILE,
    help=f"File with the READ key; otherwise ${READ_KEY_VARIABLE}.",
)  # fmt: skip

dry_run_option = click.option(
    "--dry-run", is_flag=True,
    help="Read the device and show what would be written, kept or refused; write nothing.",
)  # fmt: skip

confirm_option = click.option(
    "--confirm",
    metavar="WORD",
    help="Confirm without a prompt: give the serial number that the prompt asks for.",
)

place_options = [
    click.option("--settings", "settings_file", type=FILE, envvar="STARTLINE_SETTINGS",
                 help=f"File with base URL and CA; {_SETTINGS} where there is one."),
    click.option("--base-url", help="Base URL of the cloud, instead of the settings' one."),
    click.option("--ca", "ca_file", type=FILE, help="Its CA certificate, with --base-url."),
]  # fmt: skip

firmware_version_option = click.option(
    "--firmware-version", metavar="VERSION",
    help="MicroPython version, one that the board lists; by default the newest verified one.",
)  # fmt: skip

firmware_file_option = click.option(
    "--firmware", "firmware_file", type=FILE, help="A firmware file, used as it is."
)

app_option = click.option("--app", "app_folder", type=FILE, help="Folder with app.py and data.")

firmware_options = [
    firmware_version_option,
    firmware_file_option,
    click.option("--accept-firmware", metavar="SHA256", help="Trust this SHA-256 for a firmware file without a known digest."),
    app_option,
    click.option("--recreate-files", is_flag=True,
                 help="Rewrite the file system: the files on it are LOST."),
    click.option("--backup", "backup_file", type=WRITTEN,
                 help="Save the old file system to this new file first."),
    click.option("--overwrite", is_flag=True,
                 help="Do not ask before a main.py or other files of the owner are replaced; "
                 "they are saved first."),
]  # fmt: skip

settings_option = click.option(
    "--settings", "settings_file", type=FILE, default=_SETTINGS,
    envvar="STARTLINE_SETTINGS", show_default=True,
    help="Settings shared by all units: cloud, network, CA.",
)  # fmt: skip

as_written_option = click.option(
    "--as-written", is_flag=True,
    help="Take texts that a spreadsheet seems to have changed, such as 2E+05, as they are.",
)  # fmt: skip


def not_empty(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse an empty text for what is left out to mean all: a script's variable was not set.

    Raises BadInput.
    """
    name = parameter.opts[-1]
    given = context.get_parameter_source(str(parameter.name)) == ParameterSource.COMMANDLINE
    if given and not value.strip():
        raise BadInput(f"{name} is empty.", f"Leave {name} out where none is meant.")
    return value


def _serial_number(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Check a serial number that is compared with a device's: it has the one form that one has."""
    if not_empty(context, parameter, value):
        check_serial(value)
    return value


expected_serial_option = click.option(
    "--serial",
    default="",
    callback=_serial_number,
    help="Serial number that the reader must have; another one is an error (11).",
)

_unit_options = [
    click.option("--serial", help="Serial number of this unit."),
    click.option("--model", help="Model, unless the settings name it."),
    click.option("--type", "kind", help="Device type."),
    click.option("--alias", help="Name for people."),
    click.option("--mac", help="MAC address of the only chip that may get it."),
    click.option("--made-at", help="Date of manufacture, such as 2026-11-21; an earlier clock is not trusted."),
    as_written_option,
]  # fmt: skip


def several(options: list[Callable[[Command], Command]]) -> Callable[[Command], Command]:
    """Return a decorator that adds the options in their order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def unit_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that tell of one unit; the command gets them as `unit`, "" for those left out."""

    @functools.wraps(command)
    def collected(
        *,
        serial: str | None,
        model: str | None,
        kind: str | None,
        alias: str | None,
        mac: str | None,
        made_at: str | None,
        **others: Any,
    ) -> None:
        given = {"serial": serial, "model": model, "type": kind, "alias": alias, "mac": mac,
                 "made_at": made_at}  # fmt: skip
        command(unit={name: text or "" for name, text in given.items()}, **others)

    return several(_unit_options)(collected)


def chosen_port(given: str | None) -> str:
    """Return the port that was named, or the one that looks like a reader. Raises NoSuchPort."""
    return given or detect_port(usb_ids())


def check_dump_alone() -> None:
    """See that nothing was typed that is meant for a device, where a dump is read in its place.

    A variable that names a port may stand there all the same. Raises UsageError.
    """
    context = get_current_context()
    for option in context.command.params:
        if option.name in _OF_A_DEVICE and (
            context.get_parameter_source(option.name) == ParameterSource.COMMANDLINE
        ):
            raise click.UsageError(
                f"Give either --dump or {option.opts[-1]}: a dump is no device."
            )


def look_for_port(given: str | None, *files: Path | None) -> None:
    """Raise NoSuchPort where there is no port, before firmware is fetched for what is at it.

    Files that were named are the first to be looked at.
    """
    if any(files):
        return
    if given is not None:
        check_present(given)
    else:
        chosen_port(None)


def usb_ids() -> dict[UsbId, str]:
    """Return the USB ids of all board profiles, each with the first board that names it."""
    found: dict[UsbId, str] = {}
    for board in list_boards().boards:
        for pair in board.usb_ids:
            vendor, product = pair.split(":")
            found.setdefault((int(vendor, 16), int(product, 16)), board.full_name)
    return found


def read_key(path: Path | None) -> Secret | None:
    """Return the READ key from a file or the environment, None where there is none."""
    if path is not None:
        return secret_from_file(path, "READ key", warn=warn)
    value = os.environ.get(READ_KEY_VARIABLE, "")
    return Secret(value) if value else None


def chosen_cloud(
    settings: Path | None, base_url: str | None, ca: Path | None
) -> CloudTarget | None:
    """Return the cloud that was named; None where there is neither a URL nor a settings file."""
    if base_url is not None:
        roots = load_certificates(ca, warn=warn) if ca else ()
        return CloudTarget(str(parse_url(base_url, "--base-url")), tuple(roots))
    if settings is None and not Path(_SETTINGS).exists():
        return None
    return CloudTarget(*load_cloud_target(settings or Path(_SETTINGS), warn=warn))


def asker(given: str | None) -> Ask:
    """Return what puts a question: answered by `given`, or typed by the person at the terminal."""

    def ask(question: Confirmation) -> bool:
        click.echo(question.text, err=True)
        if given is not None:
            return given == question.word
        if not sys.stdin.isatty():
            return False
        words = f"Type {printable(question.word)} to go on"
        typed = click.prompt(words, default="", show_default=False, err=True)
        return bool(typed.strip() == question.word)

    return ask


def confirm(seen: str) -> bool:
    """Ask the person at the terminal whether what was seen is to be used."""
    return sys.stdin.isatty() and click.confirm(f"{seen} Use it?", err=True)


def replacing(*, overwrite: bool, ask: bool = True) -> Callable[[str], bool]:
    """Return what says whether an owner's files may be replaced: the option, or the person asked.

    Without `ask` nobody is asked, and they may not.
    """

    def may_replace(files: str) -> bool:
        if not ask:
            return overwrite
        if overwrite:
            click.echo(files, err=True)
            return True
        return sys.stdin.isatty() and click.confirm(f"{files} Save and replace them?", err=True)

    return may_replace


def chosen_board(name: str, version: str | None, firmware: Path | None) -> Board:
    """Return the board with the firmware that was chosen. Raises BadInput, UsageError for both ways."""
    if version is not None and firmware is not None:
        raise click.UsageError("Give either --firmware-version or a file with --firmware.")
    return load_board(name, version)


def firmware_store(accepted: str | None = None) -> FirmwareStore:
    """Return the firmware cache; a digest that is not known yet is `accepted`, or asked about."""
    return FirmwareStore(default_cache(), accept=filter(None, [accepted]), confirm=confirm)


def chosen_bundle(
    board: Board, firmware: Path | None, accepted: str | None, app: Path | None
) -> FirmwareBundle:
    """Put together what a device is loaded with, as `firmware_options` say. Raises BadInput."""
    bundle = make_bundle(board, firmware_store(accepted).obtain(board, firmware), app)
    if app is not None and not bundle.has_app:
        warn(f"{app} has no app.py: a device without one stays at its prompt.")
    return bundle

"""Options that say which board is lent, or virtual readers, and how they reach a mock cloud here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import rich_click as click

from startline_host.cli import options, output
from startline_host.device.port import check_present
from startline_host.errors import BadInput
from startline_host.flows.mock_link import CloudLink
from startline_host.secrets import Secret, secret_from_file
from startline_host.virtual.vm_binary import find_micropython

_PASSWORD = "STARTLINE_WIFI_PASSWORD"  # noqa: S105 - the name of the variable


def _link(says: str) -> Callable[[options.Command], options.Command]:
    return click.option("--link", type=click.Choice(["wifi", "usb"]), default="wifi",
                        show_default=True, help=says)  # fmt: skip


lent_board_options = [
    click.option("-p", "--port", metavar="URL",
                 help="A board's serial port; without it, virtual readers."),
    click.option("--board", envvar="STARTLINE_BOARD", default=options.DEFAULT_BOARD,
                 show_default=True, help="The board at the port."),
]  # fmt: skip
link_options = [
    _link("How readers reach the cloud: over Wi-Fi, or over the serial line itself."),
    click.option("--ssid", help="Name of the Wi-Fi for the board."),
    click.option("--wifi-password-file", type=options.FILE,
                 help=f"Its password; otherwise ${_PASSWORD}."),
    click.option("--cloud-host", default="",
                 help="Address of this computer, as seen by a board on the Wi-Fi."),
]  # fmt: skip
#: The same where only a board is told: virtual readers have a Wi-Fi of their own.
board_link_options = [
    _link("How the board at --port reaches the cloud: over Wi-Fi, or over its serial line. "
          "For boards only."),
    *link_options[1:],
]  # fmt: skip


def check_readers(port: str | None) -> None:
    """See, once and before anything is started, that the lent board or virtual readers can be had.

    Raises NoSuchPort, and BadInput without a MicroPython program.
    """
    if port is None:
        find_micropython()
    else:
        check_present(port)


def chosen_link(
    kind: Literal["wifi", "usb"], port: str | None, ssid: str | None, password_file: Path | None
) -> CloudLink:
    """Return how readers are to reach the mock cloud. Raises BadInput for a board without a network."""
    password = None
    if password_file is not None:
        password = secret_from_file(password_file, "Wi-Fi password", warn=output.warn)
    elif os.environ.get(_PASSWORD):
        password = Secret(os.environ[_PASSWORD])
    if kind == "usb":
        return CloudLink(kind="usb")
    if port is None:
        return CloudLink()
    if not ssid:
        raise BadInput(
            "A board needs a Wi-Fi to reach the cloud by.",
            "Name it with --ssid, or let it all go over the cable: --link usb.",
        )
    return CloudLink(ssid=ssid, password=password)

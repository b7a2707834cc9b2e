"""`startline boards`: which boards there are, and what each is loaded with."""

from __future__ import annotations

import msgspec
import rich_click as click

from startline_host.boards import Board, BoardList, list_boards, load_board
from startline_host.cli import options, output, results


@click.command("boards")
@click.argument("names", nargs=-1, metavar="[BOARD]...")
@options.json_option
def command(names: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click passes it so
    """List the boards, or show those named.

    A variant is named BOARD:VARIANT, and a profile of your own by the path of its board.toml.
    """
    found = BoardList([load_board(name) for name in names], []) if names else list_boards()
    boards = found.boards
    for fault in found.broken:
        output.warn(fault.message)
    if as_json:
        profiles = [msgspec.to_builtins(board) for board in boards]
        output.result(results.Boards(boards=profiles))
    elif names:
        click.echo("\n\n".join(_profile(board) for board in boards))
    else:
        for board in boards:
            click.echo(_line(board))


def _line(board: Board) -> str:
    flash = f"{board.flash_size >> 20} MiB"
    return (
        f"{board.full_name:<22}{board.chip:<9}{flash:>6}  "
        f"MicroPython {board.firmware.version:<8}{_vouched(board)}"
    )


def _vouched(board: Board) -> str:
    if board.firmware.synthetic:
        return "built in"
    return "digest known" if board.firmware.sha256 else "asks at first use"


def _profile(board: Board) -> str:
    pin = board.firmware
    rows = {
        "chip": f"{board.chip}, {board.flash_size >> 20} MiB of flash",
        "firmware": f"MicroPython {pin.version}, at {board.firmware_offset:#x}; {_vouched(board)}",
        "file": pin.file,
        "from": pin.url,
        "SHA-256": pin.sha256 or "",
        "others": ", ".join(one.version for one in board.firmware_versions if one != pin),
        "baud": f"console {board.baud.console}, flashing {board.baud.flash}",
        "USB": ", ".join(board.usb_ids),
        "LED": f"GPIO {board.led.pin}, lit by {board.led.active}" if board.led else "",
        "note": board.notes,
    }
    lines = [f"  {name:<9} {text}" for name, text in rows.items() if text]
    return "\n".join([f"{board.full_name}: {board.title}", *lines])

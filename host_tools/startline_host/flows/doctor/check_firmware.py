"""The firmware cache: whether a board could be loaded now, without a network."""

from __future__ import annotations

import os
from pathlib import Path

from startline_host.boards import Board
from startline_host.errors import BadInput, NetworkFailed, StartlineError
from startline_host.flows.doctor.finding import DoctorFinding, bad, good, note
from startline_host.flows.firmware_store import FirmwareStore, default_cache


def check_firmware(board: Board, folder: Path | None = None) -> DoctorFinding:
    """Tell whether the board's firmware is at hand and is what the profile says."""
    folder = folder or default_cache()
    pin = board.firmware
    what = "firmware"
    if pin.synthetic:
        return good(what, f"The firmware of {board.full_name} is built in.")
    if not (folder / pin.file).is_file():
        return _not_there(board, folder)
    try:
        FirmwareStore(folder, fetch=_fetch_nothing).obtain(board)
    except StartlineError as error:
        return bad(what, error)
    return good(what, f"{pin.file} is in {folder}, and its digest is right.")


def _not_there(board: Board, folder: Path) -> DoctorFinding:
    near = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(near, os.W_OK):
        return bad(
            "firmware",
            BadInput(
                f"The firmware cache {folder} cannot be written.",
                "Name another folder: STARTLINE_CACHE.",
            ),
        )
    return note(
        "firmware",
        f"The firmware of {board.full_name} is not in {folder} yet: it is fetched when it is needed.",
        f"Without a network: fetch {board.firmware.url} elsewhere, and pass it with --firmware.",
    )


def _fetch_nothing(url: str) -> bytes:
    raise NetworkFailed(f"{url} was not in the cache.")

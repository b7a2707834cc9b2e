"""The files of a board's owner: put away while another application is tested on it, and given back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from startline_host.device.file_sender import NotStored, send_files
from startline_host.device.repl import Repl
from startline_host.errors import StorageFailed
from startline_host.formats.bytecode import is_agents


def read_owner_files(repl: Repl, left: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return all files of the owner's; those that an earlier borrower has `left` are none of them."""
    files = {path: repl.read_file(path) for path in _own_paths(repl)}
    return {path: data for path, data in files.items() if left.get(path) != data}


def take_away(repl: Repl, files: Mapping[str, bytes]) -> None:
    """Take files off the device that are saved."""
    for path in files:
        repl.remove(path)


def give_back(repl: Repl, files: Mapping[str, bytes]) -> None:
    """Remove what the borrower left, and write the owner's files back as they were.

    Raises StorageFailed where one does not read back.
    """
    try:
        for path in _own_paths(repl):
            if path not in files:
                repl.remove(path)
        send_files(repl, files)
        check_there(repl, files)
    except (NotStored, StorageFailed, OSError) as failed:
        raise StorageFailed(f"The owner's files are not back on the board ({failed}).") from None


def check_there(repl: Repl, files: Mapping[str, bytes]) -> None:
    """See by their digests that files are on the device as they should be. Raises StorageFailed."""
    there = repl.digests(files)
    differ = [
        path for path, data in files.items() if there[path] != hashlib.sha256(data).hexdigest()
    ]
    if differ:
        raise StorageFailed(f"Not on the board as it should be: {', '.join(sorted(differ))}.")


def _own_paths(repl: Repl) -> list[str]:
    return [path for path in repl.files_below("") if not is_agents(path)]

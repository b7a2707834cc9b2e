"""Brings the files of a running device up to date, one by one, and leaves its owner's alone."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Mapping

import msgspec

from startline_host.device.bootloader import TransferProgress
from startline_host.device.file_sender import NotStored, send_files
from startline_host.device.repl import Repl
from startline_host.errors import StorageFailed
from startline_host.flows.found_device import PromptFiles
from startline_host.flows.notices import Listener
from startline_host.formats.bytecode import is_agents


class FileSystemBroken(Exception):
    """The device's file system does not work, and must be written anew as an image."""


class FileChanges(msgspec.Struct, frozen=True):
    """What differs between a bundle and a device: files to send, agent's files to remove.

    `replaces` names those to send that are there with other content, `same` counts the bytes of the
    files that need not be sent.
    """

    put: Mapping[str, bytes]
    remove: tuple[str, ...]
    replaces: tuple[str, ...] = ()
    same: int = 0

    @property
    def size(self) -> int:
        """Bytes of the files to send."""
        return sum(len(data) for data in self.put.values())


def file_changes(wanted: Mapping[str, bytes], found: PromptFiles) -> FileChanges:
    """Return what differs between the files `wanted`, by path, and those found on a device."""
    put = {
        path: data
        for path, data in wanted.items()
        if found.digests.get(path) != hashlib.sha256(data).hexdigest()
    }
    # A leftover of an older agent could be imported in place of what is new; a file that was on
    # its way when a cut came lies beside its place.
    torn = [f"/{name}" for name in found.root if _is_torn(f"/{name}", wanted)]
    strangers = [
        path
        for path in (*found.library, *torn)
        # What lies beside a file that is sent anew is used up by that.
        if path not in wanted and path.removesuffix(".new") not in put
    ]
    same = sum(len(data) for path, data in wanted.items() if path not in put)
    replaces = tuple(path for path in put if found.digests.get(path) is not None)
    return FileChanges(put, tuple(strangers), replaces, same)


def apply_changes(repl: Repl, changes: FileChanges, listen: Listener) -> None:
    """Send and remove what differs, main.py last.

    Raises StorageFailed where one does not fit, FileSystemBroken where none can be written.
    """
    order = sorted(changes.put, key=lambda name: (name == "/main.py", name))
    total = changes.size
    try:
        send_files(
            repl,
            {path: changes.put[path] for path in order},
            lambda done: listen(TransferProgress("write", done, total)),
        )
    except NotStored as failed:
        if not isinstance(failed.reason, OSError):
            words = f"The device could not store {failed.path}: {failed.reason}."
            raise StorageFailed(words) from None
        if failed.reason.errno != errno.ENOSPC:
            raise FileSystemBroken from None
        raise StorageFailed(
            f"The device's file system has no room for {failed.path}.",
            "Free some space there, or write it anew with --recreate-files.",
        ) from None
    for path in changes.remove:
        repl.remove(path)


def _is_torn(path: str, wanted: Mapping[str, bytes]) -> bool:
    whole = path.removesuffix(".new")
    return whole in wanted and is_agents(whole)

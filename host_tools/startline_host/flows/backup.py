"""Saves what is on a device before it is replaced: its file system as it is, or single files."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from startline_host.errors import BadInput
from startline_host.formats.littlefs_image import list_filesystem
from startline_host.util import counted

#: A file system may hold keys of its owner's: the backup is readable by its maker only.
_PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def new_file(path: Path | None) -> Path | None:
    """Return the path if a new file can be made there. Raises BadInput, before any device waits."""
    if path is None:
        return None
    if path.exists():
        raise BadInput(f"The backup {path} exists already.", "Name a file that does not.")
    folder = path.absolute().parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise BadInput(f"The backup {path} cannot be made: its folder cannot be written to.")
    return path


def save_backup(path: Path, data: bytes) -> None:
    """Write the bytes to a new file of the user's own, whole or not at all.

    Raises BadInput where that fails.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, _PRIVATE, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # what it is a copy of may be written over next
        beside.rename(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadInput(f"The backup {path} cannot be written: {error.strerror}.") from None


def save_files(name: str, files: Mapping[str, bytes]) -> Path:
    """Save files in a new ZIP of the user's own, and return its path.

    `name` begins the file's name. Raises BadInput where it cannot be written.
    """
    folder = backup_folder()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            archive.writestr(path.lstrip("/"), content)
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    saved = folder / f"{name}-{moment}.zip"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"The folder {folder} cannot be made: {error.strerror}.") from None
    save_backup(saved, packed.getvalue())
    return saved


def backup_folder() -> Path:
    """Return where files go that are saved without being asked for: among this user's data."""
    return platformdirs.user_data_path("startline") / "backups"


def files_in(data: bytes) -> str:
    """Say in a few words what a file system's bytes hold."""
    try:
        count = len(list_filesystem(len(data), lambda at, length: data[at : at + length]))
    except BadInput:
        return f"{len(data):,} bytes (no intact LittleFS)"
    return f"{counted(count, 'file')}, {len(data):,} bytes,"

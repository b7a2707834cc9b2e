"""A settings file on its way from a client to an exporter: its text, its files, its secrets.

All of it goes over the lab's own connection; the exporter keeps it in a folder of its own for as
long as it loads a reader.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from startline_host.device.temp_dirs import write_private
from startline_host.errors import BadInput
from startline_host.text_file import decode_text, parse_toml

_FOLDER = "settings"
_NAME = "settings as sent.toml"


def pack_settings(path: Path, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return a settings file with all that it names: `text`, `files` and `secrets`, texts by name.

    Raises BadInput for one that cannot be read, or that names a file outside its own folder; what
    it says is checked where it arrives.
    """
    try:
        text = decode_text(path.read_bytes())
        raw = parse_toml(text)
        files = {name: decode_text((path.parent / name).read_bytes()) for name in _files(raw)}
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise BadInput(f"{path} cannot be used: {error}.") from None
    for name in files:
        _check_name(name)
    secrets = {name: environ[name] for name in _named(raw, "_env") if name in environ}
    return {"text": text, "files": files, "secrets": secrets}


def unpack_settings(upload: Mapping[str, Any], folder: Path) -> Path:
    """Write what `pack_settings` returned into a private folder, and return the settings file."""
    for name, text in upload["files"].items():
        _check_name(name)
        path = folder / _FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, text.encode())
    path = folder / _FOLDER / _NAME
    path.parent.mkdir(exist_ok=True)
    write_private(path, upload["text"].encode())
    return path


def _files(raw: Mapping[str, Any]) -> Iterator[str]:
    ca = raw.get("tls", {}).get("ca", [])
    yield from [ca] if isinstance(ca, str) else ca
    yield from _named(raw, "_file")


def _named(raw: Mapping[str, Any], ending: str) -> Iterator[str]:
    sections = (section for section in raw.values() if isinstance(section, dict))
    for section in sections:
        yield from (v for k, v in section.items() if k.endswith(ending) and isinstance(v, str))


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BadInput(
            f"The settings name the file {name}, which is not in their own folder.",
            "Put it beside them: what a client sends to an exporter is one folder.",
        )

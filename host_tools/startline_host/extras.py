"""What a plain installation leaves out, and the command that brings it to this installation.

`pyproject.toml` names the extras. How startline was installed stands in its own metadata:
`direct_url.json` (PEP 610) for a clone, a file or a repository, `INSTALLER` (PEP 376) for the tool.
Where there is no `direct_url.json` the packages of an extra are named one by one: startline itself
may be on no index, and what an index has by that name may be something else.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from startline_host.errors import BadInput

_DISTRIBUTION = "startline"
#: The packages that an extra brings, by the name under which they are imported.
MODULES = MappingProxyType(
    {
        "PIL": "factory",
        "openpyxl": "factory",
        "reportlab": "factory",
        "sqlalchemy": "factory",
        "psycopg": "postgres",
        "zxingcpp": "factory",
        "jinja2": "mock",  # also of "factory", whose sqlalchemy is found missing before
        "starlette": "mock",
        "trustme": "mock",
        "uvicorn": "mock",
    }
)
_WHAT = MappingProxyType(
    {
        "factory": "The factory line, its ledger and its labels are",
        "postgres": "Support for a ledger in PostgreSQL is",
        "mock": "The web server of the mock cloud and of `startline panel` is",
        "virtual": "The virtual ESP32 is",
    }
)
_WANTED_BY = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")


def missing(error: ImportError) -> BadInput | None:
    """Return what to say of an import that failed for want of an extra; None for any other."""
    if not isinstance(error, ModuleNotFoundError):
        return None
    module = (error.name or "").partition(".")[0]
    extra = MODULES.get(module)
    return None if extra is None else not_installed(extra)


def not_installed(extra: str) -> BadInput:
    """Return the error for an extra that is not there: one sentence, and how to get it."""
    return BadInput(
        f"{_WHAT[extra]} not part of this installation.", f"Get it: {install_command(extra)}"
    )


def install_command(extra: str) -> str:
    """Return the command that adds an extra to this installation, ready for a shell.

    An empty extra stands for startline itself, installed anew.
    """
    from importlib import metadata  # late: it takes a fifth of a virtual chip's start to load

    try:
        found = metadata.distribution(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return _shell([*_pip("pip"), *_packages(extra, ())])
    installer = (found.read_text("INSTALLER") or "pip").strip()
    source = _source(found.read_text("direct_url.json"), extra)
    if source is None:
        packages = _packages(extra, found.requires or ())
        if _is_pipx():
            return _shell(["pipx", "inject", _DISTRIBUTION, *packages])
        return _shell([*_pip(installer), *packages])
    if _is_pipx():
        editable = ["--editable"] if source[0] == "--editable" else []
        return _shell(["pipx", "install", "--force", *editable, source[-1]])
    return _shell([*_pip(installer), *source])


def _source(written: str | None, extra: str) -> list[str] | None:
    """Return what to install again, from where it came; None if that is not known or gone."""
    if not written:
        return None
    direct = json.loads(written)
    url = direct["url"]
    wanted = f"[{extra}]" if extra else ""
    if "dir_info" in direct:
        folder = _local_path(url)
        if not folder.is_dir():
            return None
        editable = ["--editable"] if direct["dir_info"].get("editable") else []
        return [*editable, f"{folder}{wanted}"]
    if vcs := direct.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    elif url.startswith("file:") and not _local_path(url).is_file():
        return None
    return [f"{_DISTRIBUTION}{wanted} @ {url}"]


def _local_path(url: str) -> Path:
    path = unquote(urlsplit(url).path)
    # file:///C:/folder names C:/folder.
    return Path(path[1:] if os.name == "nt" else path)


def _packages(extra: str, required: Sequence[str]) -> list[str]:
    """Return an extra's packages with their versions, or without where no metadata are there."""
    if not extra:
        return [_DISTRIBUTION]
    listed = [
        line.split(";")[0].strip()
        for line in required
        if extra in _WANTED_BY.findall(line.partition(";")[2])
        and not line.startswith(f"{_DISTRIBUTION}[")
    ]
    bare = {"PIL": "pillow", "zxingcpp": "zxing-cpp", "psycopg": "psycopg[binary]"}
    return listed or [bare.get(name, name) for name, of in MODULES.items() if of == extra]


def _is_pipx() -> bool:
    return (Path(sys.prefix) / "pipx_metadata.json").is_file()


def _pip(installer: str) -> list[str]:
    if installer == "uv":
        return ["uv", "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install"]


def _shell(words: Sequence[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)

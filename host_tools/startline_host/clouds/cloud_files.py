"""Loads the two files of a cloud, and says in a sentence what is wrong with one that is no cloud's."""

from __future__ import annotations

import importlib
import re
import traceback
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import startline.clouds

from startline_host import clouds
from startline_host.clouds.cloud_kind import CloudKind
from startline_host.errors import BadInput, StartlineError
from startline_host.extras import missing

_NAME = re.compile("[A-Za-z]+")
_SETTING = re.compile(r"(claim|factory)\.[a-z_]+")
_COPY = "Copy what it lacks from _template.py beside it."
#: What a module on the device has to have: of which type, and how that looks.
_PARTS: dict[str, tuple[type, str]] = {
    "NEEDED": (tuple, 'a tuple of names, such as ("claim.key",)'),
    "TOKEN": (bytes, 'bytes, such as b"id"'),
    "WORDS": (tuple, 'a tuple of bytes, such as (b"message",)'),
    "ANSWERS": (dict, 'a dict, such as {4: "refused"}'),
}
_FUNCTIONS = ("request", "canonical")
_LIST = (
    'a path with %d and four names in bytes, such as ("/devices?page=%d", b"id", b"mark", b"serial", '
    'b"created"), and behind them none or two lists of at most two names, such as [b"data"], '
    '[b"meta", b"count"]'
)


def is_cloud_name(name: str) -> bool:
    """Tell whether that can be a cloud's name: one word of ASCII letters."""
    return bool(_NAME.fullmatch(name))


def host_file(name: str) -> Path:
    """Return where a cloud's file on the host is, or would be."""
    return _file_of(clouds, name)


def has_agent_module(name: str) -> bool:
    """Tell whether the agent has a file for a cloud of that name, whatever is in it."""
    return is_cloud_name(name) and _file_of(startline.clouds, name).is_file()


def load_kind(name: str) -> CloudKind:
    """Return what a cloud's file on the host tells.

    Raises BadInput for a file that is no cloud's, here or on the device.
    """
    path = host_file(name)
    module = _load(f"{clouds.__name__}.{name}", path)
    kind = getattr(module, "CLOUD", None)
    if not isinstance(kind, CloudKind):
        raise BadInput(f"{path} has no CLOUD that is a CloudKind.", _COPY)
    _check_agent(name)
    return kind


def _file_of(package: ModuleType, name: str) -> Path:
    paths = [Path(folder) / f"{name}.py" for folder in package.__path__]
    return next((path for path in paths if path.is_file()), paths[0])


def _check_agent(name: str) -> None:
    path = _file_of(startline.clouds, name)
    role = find_spec(f"startline_{name}")
    if path.is_file():
        module = _load(f"{startline.clouds.__name__}.{name}", path)
    elif role is not None and role.origin:
        path = Path(role.origin)
        module = _load(role.name, path)
    else:
        raise BadInput(
            f"The cloud {name!r} has no file for the device: {path} is missing.",
            "A cloud is two files: copy _template.py there, too, and change it.",
        )
    for part, (kind, form) in _PARTS.items():
        _want(path, module, part, isinstance(getattr(module, part, None), kind), form)
    names = all(isinstance(one, str) and _SETTING.fullmatch(one) for one in module.NEEDED)
    _want(path, module, "NEEDED", names, _PARTS["NEEDED"][1])
    words = all(isinstance(one, bytes) for one in module.WORDS)
    _want(path, module, "WORDS", words, _PARTS["WORDS"][1])
    for part in _FUNCTIONS:
        _want(path, module, part, callable(getattr(module, part, None)), "a function")
    if hasattr(module, "LIST"):
        _want(path, module, "LIST", _is_list(module.LIST), _LIST)


def _is_list(value: Any) -> bool:
    """Tell whether that is the path of a page, four names, and where list and total are, if said."""
    if not isinstance(value, tuple) or len(value) not in (5, 7):
        return False
    path, names, places = value[0], [*value[1:5]], value[5:]
    if not all(isinstance(place, list) and len(place) <= 2 for place in places):
        return False
    names += [name for place in places for name in place]
    return isinstance(path, str) and "%d" in path and all(isinstance(one, bytes) for one in names)


def _want(path: Path, module: ModuleType, part: str, good: object, form: str) -> None:
    if good:
        return
    if not hasattr(module, part):
        raise BadInput(f"{path} has no {part}: {form}.", _COPY)
    raise BadInput(f"{path} has a {part} of the wrong form.", f"It has to be {form}.")


def _load(module: str, path: Path) -> ModuleType:
    try:
        return importlib.import_module(module)
    except StartlineError:
        raise
    except Exception as error:
        if isinstance(error, ImportError) and missing(error):
            raise
        raise BadInput(
            f"{path} cannot be loaded: {type(error).__name__}: {error}{_line(error, path)}."
        ) from error


def _line(error: BaseException, path: Path) -> str:
    """Say in which line of the file it went wrong, where the error does not say so itself."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path]
    return "" if isinstance(error, SyntaxError) or not lines else f" (line {lines[-1]})"

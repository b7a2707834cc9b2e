"""Loads the two files of a cloud, and says in a sentence what is wrong with one that is no cloud's."""

from __future__ import annotations

import importlib
import re
import traceback
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import startline.clouds

from startline_host import clouds
from startline_host.clouds.cloud_kind import CloudKind
from startline_host.clouds.plain_check import check_plain
from startline_host.errors import BadInput, StartlineError
from startline_host.extras import missing
from startline_host.formats.factory_partition import ClaimSettings

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
#: What CLOUD may have on the host, each a function or None.
_CALLS = ("check", "list_devices", "get_device", "unbind_device", "losses")
#: What an answer without a token can mean.
_STATES = ("refused", "unbound", "unknown")
_ANSWERS = 'numbers with "refused", "unbound" or "unknown", such as {4: "refused", 429: "unbound"}'
_LIST = (
    "a path with one %d, a / in front and a number for its limit, if any, and four names in "
    'bytes, such as ("/devices?page=%d", b"id", b"mark", b"serial", b"created"), and behind them '
    'none or two lists of at most two names, such as [b"data"], [b"meta", b"count"]'
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
    _check_kind(path, kind)
    _check_together(path, kind, *_check_agent(name))
    return kind


def _file_of(package: ModuleType, name: str) -> Path:
    paths = [Path(folder) / f"{name}.py" for folder in package.__path__]
    return next((path for path in paths if path.is_file()), paths[0])


def _check_kind(path: Path, kind: CloudKind) -> None:
    """Refuse a CLOUD with parts of another kind than `CloudKind` says."""
    for name in _CALLS:
        call = getattr(kind, name)
        if call is not None and not callable(call):
            raise BadInput(f"{path} has a CLOUD whose {name} is no function.", _COPY)
    if kind.bench is not None:
        try:
            kind.bench.settings.format(key_env="KEY")
        except (LookupError, ValueError):
            raise BadInput(
                f"{path} has settings for its bench with braces that are not {{key_env}}.", _COPY
            ) from None
    if not (isinstance(kind.claim, type) and issubclass(kind.claim, ClaimSettings)):
        raise BadInput(f"{path} has a CLOUD whose claim is no class of ClaimSettings.", _COPY)


def _check_together(path: Path, kind: CloudKind, agent_path: Path, agent: ModuleType) -> None:
    """Refuse what either file may say, but not beside the other."""
    # Not before a cloud is asked for: an HTTP client comes with it.
    from startline_host.clouds.cloud_check import DeviceList

    fields = {f"claim.{field}" for field in kind.claim.__struct_fields__}
    for name in agent.NEEDED:
        if name.startswith("claim.") and name not in fields:
            raise BadInput(
                f"{agent_path} has {name} in NEEDED, and no settings file can say it.",
                f"Add the field to {kind.claim.__name__} in {path}.",
            )
    readers = [getattr(call, "__self__", None) for call in (kind.check, kind.list_devices)]
    lists = [reader for reader in readers if isinstance(reader, DeviceList)]
    if lists and not hasattr(agent, "LIST"):
        raise BadInput(
            f"{path} reads a list of devices, and {agent_path} has no LIST.",
            f"It has to be {_LIST}.",
        )
    if any(reader.cloud != path.stem for reader in lists):
        raise BadInput(f"{path} has a DeviceList of another name; it has to be {path.stem!r}.")
    if kind.bench is not None and kind.bench.plain is not None:
        check_plain(path, kind.bench.plain, agent_path, agent)


def _check_agent(name: str) -> tuple[Path, ModuleType]:
    """Return the file on the device and its module."""
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
    _want(path, module, "TOKEN", module.TOKEN, _PARTS["TOKEN"][1])
    names = all(isinstance(one, str) and _SETTING.fullmatch(one) for one in module.NEEDED)
    _want(path, module, "NEEDED", names, _PARTS["NEEDED"][1])
    words = all(isinstance(one, bytes) for one in module.WORDS)
    _want(path, module, "WORDS", words, _PARTS["WORDS"][1])
    for part in _FUNCTIONS:
        _want(path, module, part, callable(getattr(module, part, None)), "a function")
    _want(path, module, "ANSWERS", _are_answers(module.ANSWERS), _ANSWERS)
    if hasattr(module, "LIST"):
        _want(path, module, "LIST", _is_list(module.LIST), _LIST)
    return path, module


def _is_list(value: Any) -> bool:
    """Tell whether that is the path of a page, four names, and where list and total are, if said."""
    if not isinstance(value, tuple) or len(value) not in (5, 7):
        return False
    path, names, places = value[0], [*value[1:5]], value[5:]
    if not all(isinstance(place, list) and len(place) <= 2 for place in places):
        return False
    token, _, serial, _ = names  # a cloud may have no mark and no date
    if not token or not serial or token == serial:
        return False
    names += [name for place in places for name in place]
    return _is_page(path) and all(isinstance(one, bytes) for one in names)


def _is_page(path: Any) -> bool:
    """Tell whether the number of a page goes into that path, which begins behind the base URL."""
    if not isinstance(path, str) or "%d" not in path:
        return False
    try:
        page = path % 1
    except (TypeError, ValueError):  # of two numbers, or a % of its own
        return False
    limits = parse_qs(urlsplit(page).query).get("limit", ["1"])
    return page.startswith("/") and all(limit.isdecimal() for limit in limits)


def _are_answers(value: Any) -> bool:
    """Tell whether these are states by a status or its hundreds, and states that no token is needed for."""
    return all(isinstance(key, int) and state in _STATES for key, state in value.items())


def _want(path: Path, module: ModuleType, part: str, good: object, form: str) -> None:
    if good:
        return
    if not hasattr(module, part):
        raise BadInput(f"{path} has no {part}: {form}.", _COPY)
    article = "an" if part[0] in "AEIOU" else "a"
    raise BadInput(f"{path} has {article} {part} of the wrong form.", f"It has to be {form}.")


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

"""Finds a cloud's file by the name in `claim.cloud`: `vms` is `vms.py` beside this one.

A cloud's name is one word of ASCII letters, as the agent has it; the other files here have names
of several words.
"""

from __future__ import annotations

import pkgutil
from contextlib import suppress
from functools import cache

import msgspec

from startline_host import clouds
from startline_host.clouds.cloud_files import (
    has_agent_module,
    host_file,
    is_cloud_name,
    load_kind,
)
from startline_host.clouds.cloud_kind import CloudKind
from startline_host.errors import BadInput
from startline_host.formats.factory_partition import CLAIM_SECRETS

#: The cloud that is meant where none is named.
DEFAULT_CLOUD = "rufus"


def cloud_names() -> tuple[str, ...]:
    """Return the names of all clouds, in the order of the alphabet."""
    found = (module.name for module in pkgutil.iter_modules(clouds.__path__))
    return tuple(sorted(name for name in found if is_cloud_name(name)))


def sound_clouds() -> dict[str, CloudKind]:
    """Return by name the clouds whose files are whole: one that is not stops nobody who uses others."""
    found = {}
    for name in cloud_names():
        with suppress(BadInput):
            found[name] = _load(name)
    return found


def find_cloud(name: str) -> CloudKind:
    """Return what the file of that name tells.

    Raises BadInput that names all clouds, or for a cloud's file that is none.
    """
    known = cloud_names()
    if name not in known:
        words = [what_lacks(name), f"The clouds are: {', '.join(known)}."]
        raise BadInput(f"claim.cloud is {name!r}.", " ".join(filter(None, words)))
    return _load(name)


def what_lacks(name: str) -> str:
    """Say why a name is no cloud's that its author may take for one; "" for any other."""
    if not is_cloud_name(name):
        return f"A cloud's name is one word of ASCII letters, which {name!r} is not."
    if has_agent_module(name):
        return f"The cloud {name!r} has no file for the host: {host_file(name)} is missing."
    return ""


def kind_of(name: str) -> CloudKind:
    """Return the same for a name that a device gave: one that is unknown can be asked nothing."""
    return _load(name) if name in cloud_names() else CloudKind()


def claim_settings() -> dict[str, str]:
    """Return what [claim] may say at any cloud, as "claim.key", with its kind as in `states`."""
    found: dict[str, str] = {}
    for name in cloud_names():
        for field in msgspec.structs.fields(_load(name).claim):
            kind = "text"
            if field.name in CLAIM_SECRETS:
                kind = "secret"
            elif field.type is bool:
                kind = "switch"
            found[f"claim.{field.name}"] = kind
    return found


@cache
def _load(name: str) -> CloudKind:
    return load_kind(name)

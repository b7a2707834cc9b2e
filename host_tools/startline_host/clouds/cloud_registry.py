"""Finds a cloud's file by the name in `claim.cloud`: `vms` is `vms.py` beside this one.

A cloud's name is one word of letters, as the agent has it; the other files here have names of
several words.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import msgspec

from startline_host import clouds
from startline_host.clouds.cloud_kind import CloudKind
from startline_host.errors import BadInput
from startline_host.formats.factory_partition import CLAIM_SECRETS

#: The cloud that is meant where none is named.
DEFAULT_CLOUD = "rufus"


def cloud_names() -> tuple[str, ...]:
    """Return the names of all clouds, in the order of the alphabet."""
    found = (module.name for module in pkgutil.iter_modules(clouds.__path__))
    return tuple(sorted(name for name in found if name.isalpha()))


def find_cloud(name: str) -> CloudKind:
    """Return what the file of that name tells. Raises BadInput that names all clouds."""
    known = cloud_names()
    if name not in known:
        raise BadInput(f"claim.cloud is {name!r}.", f"The clouds are: {', '.join(known)}.")
    return _load(name)


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
    kind = importlib.import_module(f"{clouds.__name__}.{name}").CLOUD
    assert isinstance(kind, CloudKind)  # noqa: S101 - a file without it is no cloud's
    return kind

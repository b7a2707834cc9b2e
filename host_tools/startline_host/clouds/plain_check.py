"""Holds the description by which a plain cloud is played against what its file on the device says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from startline.net.device_list import ListReader

from startline_host.clouds.cloud_kind import PlainCloud
from startline_host.errors import BadInput


def check_plain(path: Path, plain: PlainCloud, agent_path: Path, agent: Any) -> None:
    """Raise BadInput for a description that no mock plays, or that the device does not go by.

    `path` is the file that has it, `agent` the module on the device and `agent_path` its file.
    """
    for name in ("prefix", "path"):
        place = getattr(plain, name)
        if not place.startswith("/") and (place or name == "path"):
            raise BadInput(f"{path} has {name}={place!r} in its PlainCloud; it begins with a /.")
    try:
        token = plain.token_form % 1
    except (TypeError, ValueError):
        raise BadInput(
            f"{path} has token_form={plain.token_form!r} in its PlainCloud, and no number goes into it.",
            'It has to be a text with one %d, such as "id-%06d".',
        ) from None
    try:
        good = agent.canonical(token)
    except Exception as error:
        raise BadInput(
            f"{agent_path} has a canonical that ends with {type(error).__name__}: {error}."
        ) from error
    if not good:
        raise BadInput(
            f"{path} has token_form={plain.token_form!r} in its PlainCloud, and canonical in "
            f"{agent_path} takes {token!r} for no token.",
            "Change either.",
        )
    for name, here, there in _compared(plain, agent):
        if here != there:
            raise BadInput(
                f"{path} has {name}={here!r} in its PlainCloud, and {agent_path} reads {there!r}.",
                "Change either: both say how the cloud names things.",
            )


def _compared(plain: PlainCloud, agent: Any) -> list[tuple[str, object, object]]:
    """Return the names that both files have: what each is, here and there."""
    found: list[tuple[str, object, object]] = [("token", plain.token, agent.TOKEN.decode())]
    if hasattr(agent, "LIST"):
        names = ("token", "mark", "serial", "created")
        found += [
            (name, getattr(plain, name), there.decode())
            for name, there in zip(names, agent.LIST[1:5], strict=True)
        ]
        entries, _ = agent.LIST[5:] or ListReader.place
        found.append(("listed", tuple(plain.listed), tuple(name.decode() for name in entries)))
    return found

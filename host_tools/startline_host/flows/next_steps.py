"""What to do next with a device, by its state and the reason of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: With a device to which nothing is missing, by its state.
_NEXT: Mapping[str, str] = MappingProxyType(
    {
        "bound": "Nothing to do.",
        "unbound": "It binds itself when it starts; to have it try now: startline retry.",
        "unknown": "To settle it by the cloud's list: startline reconcile.",
        "refused": "Fix the cause, then: startline retry.",
        "unprovisioned": "To give it an identity: startline provision.",
    }
)
#: The same by the reason of a state, where that wants something else.
_NEXT_OF_REASON: Mapping[str, str] = MappingProxyType(
    {
        "foreign_record": "Its record is another reader's or another cloud's; to forget it: startline reset.",
        "newer_record": "A later startline wrote its record: use that one, or a newer.",
    }
)


def next_of_state(state: str, reason: str = "") -> str:
    """Return what to do next with a device in that state to which nothing is missing.

    `reason` is as the device tells it, or as it is shown to people, without underscores.
    """
    reason = reason.replace(" ", "_")
    return _NEXT_OF_REASON.get(reason) or _NEXT.get(state, "Next: startline status --interrupt.")


def next_without_agent(state: str) -> str:
    """Return what to do next with a device that lacks the agent, or another part, by its state."""
    if state in {"bound", "unknown"}:
        return "To load what is missing and keep its identity: startline flash --allow-bound."
    return "To load what is missing: startline up."


def next_of_unknown(reason: str, otherwise: str) -> str:
    """Return what settles a device that is unknown: `otherwise`, where its reason allows that."""
    return _NEXT_OF_REASON["newer_record"] if reason == "newer_record" else otherwise

"""What must hold of a first boot, whatever it was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from startline.record.copies import Record

from tests.proofs.powercuts.blank_units import CANARY

if TYPE_CHECKING:
    from tests.proofs.hostile.fuzzed_answers import FuzzedAnswer
    from tests.proofs.hostile.vm_pool import BootResult

_STATES = frozenset({"unbound", "unknown", "bound", "refused"})
#: What a first boot may take: its 90 s, and what one last call may add.
LIMIT_MS = 96_000
_MAY_STAND = frozenset("\x1e\n")


def wrong(booted: BootResult) -> list[str]:
    """Return what is wrong with one boot, each in a few words; nothing is as it should be."""
    end = booted.end
    if not end:
        return [booted.words]
    state = end["state"]
    found = {
        "no classified outcome": state not in _STATES,
        "past the deadline": end["ms"] > LIMIT_MS,
        "a socket was left open": bool(end["open"]),
        "asked twice": end["binds"] > 1 and b"429" not in booted.answer.begin,
        "a copy of the record says something else": not _agree(booted),
        "bound to a token that was never sent": state == "bound"
        and not _stands_in(end["token"], booted.answer),
        "bound, and the claim key is still there": state == "bound" and booted.has_key,
    }
    return [what for what, is_so in found.items() if is_so] + wrong_on_console(booted.console)


def wants_memory(booted: BootResult) -> bool:
    """Tell whether a boot ever wanted memory, also where it named that and went on."""
    return not booted.end or "MemoryError" in booted.console or "no_memory" in booted.console


def wrong_on_console(console: str) -> list[str]:
    """Return what must not stand on a console, whatever a cloud said."""
    found = {
        "a bug": '"reason":"bug ' in console,
        "a traceback on the console": "Traceback" in console,
        "the key on the console": CANARY in console,
        "control characters on the console": any(
            char < " " and char not in _MAY_STAND for char in console
        ),
    }
    return [what for what, is_so in found.items() if is_so]


def _agree(booted: BootResult) -> bool:
    """Tell whether both copies of the record say what the device says."""
    return all(
        isinstance(copy, Record)
        and (copy.state, copy.token) == (booted.end["state"], booted.end["token"])
        for copy in booted.copies
    )


def _stands_in(token: str, answer: FuzzedAnswer) -> bool:
    """Tell whether a token's digits are in an answer in their order: chunks may lie between."""
    at = 0
    said = answer.begin.upper()
    for char in token.upper().encode():
        at = said.find(bytes((char,)), at) + 1
        if not at:
            return False
    return True

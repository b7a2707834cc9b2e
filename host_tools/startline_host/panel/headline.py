"""How a reader stands, in one sentence, and what to do next, in another."""

from __future__ import annotations

import time
from typing import Any, Literal

import msgspec

from startline_host.device.event_text import printable_field
from startline_host.device.race_text import race_reason
from startline_host.flows.next_steps import next_of_state
from startline_host.panel.reader_facts import RESTART_SECONDS, RESTARTS, ReaderFacts
from startline_host.util import counted, printable

Kind = Literal["good", "odd", "bad", "plain"]

_NOTHING = "Nothing to do."
_KINDS: dict[str, Kind] = {"bound": "good", "unbound": "odd", "unprovisioned": "odd"}
#: The verb that a state asks for, where the page can do it.
_VERBS = {"unbound": "retry", "refused": "retry", "unknown": "reconcile"}
_ASK = "It reports its state when it starts. To know it now, ask it: that stops and restarts it."


class Headline(msgspec.Struct, frozen=True):
    """What stands first on the page: a badge of a kind, the sentence, the next step and its verb."""

    kind: Kind
    badge: str
    words: str
    next: str
    verb: str = ""


def headline(facts: ReaderFacts) -> Headline:
    """Sum up what is known, the most pressing thing first."""
    for judge in (_port, _trouble, _race, _state):
        if (said := judge(facts)) is not None:
            return said
    if facts.heard:
        return Headline(
            "plain", "running", "The reader is running, and its state is not known yet.", _ASK,
            "status",
        )  # fmt: skip
    return Headline(
        "plain",
        "quiet",
        "The reader has printed nothing so far.",
        f"A bound reader whose program runs is as quiet as one without power. {_ASK}",
        "status",
    )


def _port(facts: ReaderFacts) -> Headline | None:
    if facts.port == "open":
        return None
    if facts.port == "released":
        return Headline(
            "plain", "released", "The port is free for another program.", "Take it back to go on."
        )
    if facts.port == "opening":
        return Headline("plain", "opening", "The port is being opened.", "Wait a moment.")
    again = "This page goes on by itself as soon as it can."
    return Headline(
        "odd" if facts.port == "busy" else "bad",
        "port busy" if facts.port == "busy" else "no port",
        facts.port_words,
        f"{facts.port_hint} {again}".strip(),
    )


def _trouble(facts: ReaderFacts) -> Headline | None:
    if facts.trouble is not None:
        return Headline("bad", "trouble", facts.trouble.message, facts.trouble.hint)
    recent = [one for one in facts.restarts if time.monotonic() - one < RESTART_SECONDS]
    if len(recent) >= RESTARTS:
        return Headline(
            "bad",
            "restarting",
            f"The reader keeps restarting: {len(recent)} times within {RESTART_SECONDS:.0f} s.",
            "Its console shows why. A supply that gives way: a shorter cable or another USB port. "
            "A bad program: startline flash --allow-bound.",
        )
    return None


def _race(facts: ReaderFacts) -> Headline | None:
    race = facts.race
    if race is None:
        return None
    serial = _name(facts)
    counts = f"{race_count(race, 'stored')} stored, {race_count(race, 'sent')} sent"
    waiting = race_count(race, "waiting")
    counts += f", {waiting} waiting" if waiting else ""
    session = printable(str(race.get("session") or ""))
    reason = str(race.get("reason") or "idle")
    why = "" if reason == "idle" else race_reason(reason)
    if aside := race_count(race, "aside"):
        then = f"{counted(aside, 'passing')} set aside. After the race: startline race resend."
    elif why:
        then = f"Nothing is sent: {why}."
    else:
        then = f"{_NOTHING} What is stored and not sent yet is sent by itself."
    kind: Kind = "odd" if why or aside else "good"
    if session:
        return Headline(kind, "timing", f"{serial} is timing {session}: {counts}.", then)
    if not waiting and not aside:
        return Headline(
            "good", "bound", f"{serial} is ready to time; no session is open: {counts}.", _NOTHING
        )
    return Headline(kind, "bound", f"{serial} has no open session: {counts}.", then)


def _state(facts: ReaderFacts) -> Headline | None:
    state = facts.known.get("state", "")
    if not state:
        return None
    reason = facts.known.get("reason", "")
    why = f": {printable_field(reason)}" if reason else ""
    then = facts.inspected_next if facts.missing else next_of_state(state, reason)
    return Headline(
        "bad" if facts.missing else _KINDS.get(state, "bad"),
        printable(state),
        f"{_name(facts)} is {printable(state)}{why}.",
        then,
        "" if facts.missing else _VERBS.get(state, ""),
    )


def race_count(race: dict[str, Any], name: str) -> int:
    """Return one of the numbers of a `race` event, 0 for one that is not there or no number."""
    number = race.get(name)
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _name(facts: ReaderFacts) -> str:
    return printable(facts.known.get("serial", "")) or "The reader"

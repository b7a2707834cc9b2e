"""Gathers what is learned of a reader, from whichever thread, and gives it as the page takes it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from startline_host.device.console import ConsoleLine, Event
from startline_host.device.event_text import describe_event, printable_field
from startline_host.device.race_text import race_reason
from startline_host.errors import OutcomeUnknown, WrongDevice
from startline_host.flows.doctor.line_noise import troubles_in
from startline_host.flows.expected_identity import BootIdentity
from startline_host.flows.observe import DeviceStatus, told_by
from startline_host.panel.headline import headline, race_count
from startline_host.panel.reader_facts import PortState, ReaderFacts, now_text
from startline_host.race.running_reader import RunningRace
from startline_host.util import counted, printable

#: Console lines that are kept, and characters of each.
_LINES, _LONGEST = 200, 300
_ROM_RESTART = b"rst:0x"
_NAMES = ("serial", "state", "reason", "token", "mac", "agent", "micropython")
_COUNTS = ("stored", "sent", "waiting", "unsure", "aside")
_BAD = frozenset({"failed", "warning", "unprovisioned", "race_failed", "race_stopped",
                  "race_damaged", "race_warning"})  # fmt: skip


class ReaderView:
    """What is known of one reader; `on_change` is called from the thread that learned something."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._lock = threading.RLock()
        self._facts = ReaderFacts()
        self._identity = BootIdentity()
        self._console: deque[dict[str, Any]] = deque(maxlen=_LINES)
        self._raw: deque[bytes] = deque(maxlen=_LINES)
        self._number = 0
        self._restart_asked = self._rom_spoke = False
        self._found: dict[str, Any] = {"journal": None, "inspection": None, "doctor": None}

    def set_port(self, state: PortState, words: str = "", hint: str = "") -> None:
        """Note how the port is; one that is open again may have another reader behind it."""
        with self._lock:
            facts = self._facts
            if (facts.port, facts.port_words) == (state, words):
                return
            if facts.port == "gone" and state == "open":
                self._forget_boot()
                facts.known.clear()
                facts.restarts.clear()
                facts.heard, facts.trouble = 0, None
                self._identity = BootIdentity()
            facts.port, facts.port_words, facts.port_hint = state, words, hint
        self._on_change()

    def expect_restart(self) -> None:
        """Take the reader's next restart for one that was asked for."""
        with self._lock:
            self._restart_asked = True

    def hear(self, item: Event | ConsoleLine) -> None:
        """Take what the reader prints."""
        with self._lock:
            self._facts.heard += 1
            if isinstance(item, Event):
                self._hear_event(item)
            else:
                self._hear_line(item)
        self._on_change()

    def learn_status(self, status: DeviceStatus) -> None:
        """Take what the reader said when it was asked."""
        told = msgspec.structs.asdict(status)
        with self._lock:
            self._facts.trouble = None
            self._know({name: str(told[name]) for name in _NAMES}, asked=True)
        self._on_change()

    def learn_running(self, running: RunningRace) -> None:
        """Take what the reader said beside its program: who it is, and how its race stands."""
        told = {"serial": running.serial, "token": running.token}
        if running.token:
            told |= {"state": "bound", "reason": ""}
        with self._lock:
            self._know(told, asked=True)
            self._facts.race = msgspec.structs.asdict(running.state)
            self._facts.race_at = now_text()
        self._on_change()

    def learn(self, part: str, found: dict[str, Any]) -> None:
        """Take what came of `race status` (`journal`), `inspect` (`inspection`) or `doctor`."""
        with self._lock:
            self._found[part] = {**found, "at": now_text()}
            if part == "inspection":
                self._facts.missing = bool(found["missing"])
                self._facts.inspected_next = found["next"]
        self._on_change()

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it, the deviceid shortened and no secret in it."""
        with self._lock:
            facts = self._facts
            known = {name: printable(facts.known.get(name, "")) for name in _NAMES}
            token = known.pop("token")
            if known["reason"]:
                known["reason"] = printable_field(known["reason"])
            return {
                "headline": msgspec.to_builtins(headline(facts)),
                "port": {"state": facts.port, "words": facts.port_words, "hint": facts.port_hint},
                "reader": {**known, "deviceid": short_token(token)},
                "reader_at": facts.known_at,
                "asked": facts.asked,
                "race": self._race(),
                **self._found,
                "console": list(self._console),
            }

    def shorten(self, text: str) -> str:
        """Return a text with the reader's deviceid shortened."""
        token = self._facts.known.get("token", "")
        return text.replace(token, short_token(token)) if token else text

    def _hear_event(self, event: Event) -> None:
        facts = self._facts
        if event.name == "boot":
            # A reset by hand, power or program shows in the ROM's messages first.
            if not self._rom_spoke:
                self._restarted()
            self._rom_spoke = False
            facts.trouble = None
        try:
            self._identity.check(event)
        except (WrongDevice, OutcomeUnknown) as contradiction:
            facts.trouble = contradiction
        if told := {name: text for name, text in told_by(event).items() if text}:
            if event.name in {"record", "ready"}:
                told.setdefault("reason", "")  # what was the matter before is over
            self._know(told, asked=False)
        if event.name == "race":
            facts.race, facts.race_at = dict(event.fields), now_text()
        self._show("bad" if event.name in _BAD else "event", describe_event(event))

    def _hear_line(self, line: ConsoleLine) -> None:
        self._raw.append(line.raw)
        if line.raw.startswith(_ROM_RESTART):
            self._restarted()
            self._rom_spoke = True
        trouble = next(troubles_in(line.raw), None)
        if trouble is not None:
            self._facts.trouble = trouble
        self._show("bad" if trouble else "line", self.shorten(line.line))

    def _restarted(self) -> None:
        if not self._restart_asked:
            self._facts.restarts.append(time.monotonic())
        self._restart_asked = False
        self._forget_boot()

    def _forget_boot(self) -> None:
        """Forget what held for the boot that is over; who the reader is does not change by it."""
        self._facts.race = None
        self._facts.missing = False

    def _know(self, told: dict[str, str], *, asked: bool) -> None:
        self._facts.known |= told
        self._facts.asked = asked
        self._facts.known_at = now_text()

    def _show(self, kind: str, text: str) -> None:
        self._number += 1
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        self._console.append({"n": self._number, "time": now_text(), "kind": kind, "text": text})

    def _race(self) -> dict[str, Any] | None:
        race = self._facts.race
        if race is None:
            return None
        clock = str(race.get("clock") or "none")
        error = race_count(race, "error_ms")
        return {
            **{name: race_count(race, name) for name in (*_COUNTS, "full")},
            "session": printable(str(race.get("session") or "")),
            "clock": "not known" if clock == "none" else f"{printable(clock)}, within {error} ms",
            "sending": _sending(race),
            "at": self._facts.race_at,
        }


def _sending(race: dict[str, Any]) -> str:
    """Say how the sending goes: why nothing is sent, or that what waits is, or that all is."""
    reason = str(race.get("reason") or "idle")
    if reason != "idle":
        return race_reason(reason)
    if waiting := race_count(race, "waiting"):
        return f"{counted(waiting, 'passing')} on the way"
    return "all that is stored is sent" if race_count(race, "sent") else "nothing is stored yet"


def short_token(token: str) -> str:
    """Return a deviceid as a page shows it: enough to tell two apart."""
    return f"{token[:8]}…{token[-4:]}" if len(token) > 16 else token

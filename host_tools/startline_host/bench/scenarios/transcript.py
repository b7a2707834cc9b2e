"""What happened, in order: what the bench did, what readers said, what reached the cloud."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from startline_host.device.console import ConsoleLine, Event
from startline_host.device.event_text import describe_event
from startline_host.mock_cloud import LoggedRequest
from startline_host.secrets import Secret, redact
from startline_host.util import printable

Source = Literal["bench", "first", "second", "cloud", "trap"]

_SHOWN = 600


class TranscriptEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: `at` in seconds since the case began, who it is from, and what it says.

    `kind` is act, event, text, request or finding; an event's name and fields stand beside.
    """

    at: float
    source: str
    kind: str
    text: str
    name: str = ""
    fields: dict[str, Any] = {}


def log_lines(entries: Iterable[TranscriptEntry]) -> list[str]:
    """Return entries as lines for a person: seconds, who, and what."""
    return [f"{one.at:9.3f} s  {one.source:<6}  {one.text}" for one in entries]


class Transcript:
    """Takes entries as they come; `secrets` are masked in all of them."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._began = time.monotonic()
        self._wall = time.time()
        self._entries: list[TranscriptEntry] = []
        self.secrets = list(secrets)

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self._began

    def entries(self) -> list[TranscriptEntry]:
        """Return all entries in the order of time."""
        return sorted(self._entries, key=lambda entry: entry.at)

    def act(self, text: str) -> None:
        """Note what the bench does."""
        self._add(self.seconds, "bench", "act", text)

    def finding(self, text: str) -> None:
        """Note what is not as it should be."""
        self._add(self.seconds, "bench", "finding", text)

    def heard(self, source: str, item: Event | ConsoleLine) -> None:
        """Note what a reader said."""
        if isinstance(item, ConsoleLine):
            self._add(self.seconds, source, "text", item.line)
            return
        fields = {name: self._clean(value) for name, value in item.fields.items()}
        words = redact(describe_event(item), *self.secrets)
        self._entries.append(
            TranscriptEntry(self.seconds, source, "event", words, item.name, fields)
        )

    def requests(self, source: str, found: Iterable[LoggedRequest]) -> None:
        """Note what reached the cloud or a stranger."""
        for one in found:
            answer = printable(one.answer[:_SHOWN].decode("utf-8", "replace"))
            body = printable(one.body[:_SHOWN].decode("utf-8", "replace"))
            query = f"?{one.query}" if one.query else ""
            whole = "" if one.whole else " (cut off)"
            fault = f"  [{one.fault}]" if one.fault else ""
            status = one.status if one.status is not None else "no answer"
            text = f"{one.method} {one.path}{query} {body}{whole} → {status} {answer}{fault}"
            self._add(max(0.0, one.time - self._wall), source, "request", text)

    def _add(self, at: float, source: str, kind: str, text: str) -> None:
        self._entries.append(TranscriptEntry(at, source, kind, redact(text, *self.secrets)))

    def _clean(self, value: Any) -> Any:
        return redact(value, *self.secrets) if isinstance(value, str) else value

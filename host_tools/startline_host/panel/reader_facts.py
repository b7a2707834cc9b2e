"""What is known of a reader at a moment, and from when."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from startline_host.errors import StartlineError

PortState = Literal["opening", "open", "busy", "gone", "released"]

#: So many restarts that nobody asked for, within so many seconds, are no accident any more.
RESTARTS, RESTART_SECONDS = 3, 60.0


def now_text() -> str:
    """Return the time as the page takes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class ReaderFacts:
    """Everything is of the reader's present boot, but for `port` and what was `inspected`.

    `known` has texts under the names of `DeviceStatus`; `asked` tells that it was interrupted for
    them. `race` has the fields of its last `race` event. `restarts` are the times (of
    `time.monotonic`) of those that nobody asked for.
    """

    port: PortState = "opening"
    port_words: str = ""
    port_hint: str = ""
    known: dict[str, str] = field(default_factory=dict)
    known_at: str = ""
    asked: bool = False
    heard: int = 0
    race: dict[str, Any] | None = None
    race_at: str = ""
    trouble: StartlineError | None = None
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))
    missing: bool = False
    inspected_next: str = ""

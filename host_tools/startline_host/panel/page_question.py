"""A question that a flow puts to whoever looks at the page, and waits to have answered."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from startline_host.errors import BadInput
from startline_host.flows.operator.confirmation import Confirmation
from startline_host.secrets import Secret
from startline_host.util import printable

#: Seconds that a reader is kept waiting at its prompt; then the answer is no.
_PATIENCE = 300.0


class PageQuestion(msgspec.Struct, frozen=True):
    """What is asked, how the field is called that takes the answer, and whether that is a secret."""

    number: int
    text: str
    label: str
    secret: bool


class QuestionDesk:
    """Has one question at a time; a question without an answer is answered with no."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._asked = 0
        self._closed = False
        self.open: PageQuestion | None = None

    def confirm(self, question: Confirmation) -> bool:
        """Put a question whose answer is a word, as `Ask` does."""
        typed = self._put(question.text, f"Type {printable(question.word)} to go on")
        return typed is not None and typed.strip() == question.word

    def ask_key(self) -> Secret:
        """Ask for a READ key. Raises BadInput where none is given."""
        typed = self._put(
            "A READ key is needed to look into the cloud's list.", "READ key", secret=True
        )
        if not typed:
            raise BadInput("No READ key was given.")
        return Secret(typed)

    def answer(self, number: int, typed: str | None) -> bool:
        """Answer the question of that number; None is no. False if it is not asked any more."""
        with self._lock:
            if self.open is None or self.open.number != number:
                return False
            self.open = None
            self._answers.put(typed)
            return True

    def close(self) -> None:
        """Answer what is asked, and what will be asked, with no."""
        with self._lock:
            self._closed = True
            if self.open is not None:
                self.open = None
                self._answers.put(None)

    def as_dict(self) -> dict[str, Any] | None:
        """Return the open question as the page takes it."""
        with self._lock:
            return None if self.open is None else msgspec.structs.asdict(self.open)

    def _put(self, text: str, label: str, *, secret: bool = False) -> str | None:
        with self._lock:
            if self._closed:
                return None
            self._asked += 1
            number = self._asked
            self.open = PageQuestion(number, text, label, secret)
        self._on_change()
        try:
            return self._answers.get(timeout=_PATIENCE)
        except queue.Empty:
            self.answer(number, None)  # unless somebody did in this very moment
            return self._answers.get()
        finally:
            self._on_change()

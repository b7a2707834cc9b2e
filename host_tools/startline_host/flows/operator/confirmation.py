"""What a person has to type before something is done that cannot be undone."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from startline_host.errors import BadInput


class Confirmation(msgspec.Struct, frozen=True):
    """What is about to happen, the word that confirms it, and the option that does the same."""

    text: str
    word: str
    option: str


#: Puts a question; tells whether it was confirmed. False where there is nobody to ask.
Ask = Callable[[Confirmation], bool]


def confirm(ask: Ask, question: Confirmation) -> None:
    """Go on only if the question is confirmed. Raises BadInput."""
    if not ask(question):
        raise BadInput(
            "Nothing was changed: it was not confirmed.",
            f"Type {question.word!r} when asked, or give {question.option} {question.word!r}.",
        )

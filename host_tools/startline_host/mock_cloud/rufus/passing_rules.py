"""What the cloud takes as sessions and passings, where the vendor's pages differ or say nothing."""

from __future__ import annotations

from dataclasses import dataclass

from startline_host.errors import BadInput

#: What makes a passing of a session a double: every field is the same, its number alone is, or
#: nothing does.
DUPLICATES = ("full", "number", "none")

#: The largest of the numbers below: 30 years in seconds.
LARGEST_LIMIT = 10**9


@dataclass(frozen=True, kw_only=True)
class PassingRules:
    """One cloud's rules; by default those that the newest description of the API has.

    `strict` refuses fields that it does not name, and coordinates that are no numbers; the older
    page, without it, ignores the first and takes texts. `duplicates` is one of `DUPLICATES`.
    `partial_insertion` inserts the good passings of a list, where otherwise one bad passing
    refuses all. `largest_list` is in passings; `stale_after` and `future_after` in seconds before
    and after now: what lies beyond is a bad passing. None means without limit.

    Raises `BadInput` for a rule that does not exist, and for a limit below 1.
    """

    strict: bool = True
    duplicates: str = "full"
    partial_insertion: bool = False
    largest_list: int | None = None
    stale_after: int | None = None
    future_after: int | None = None

    def __post_init__(self) -> None:
        if self.duplicates not in DUPLICATES:
            raise BadInput(
                f"There is no rule for duplicates {self.duplicates!r}.",
                f"Known are: {', '.join(DUPLICATES)}.",
            )
        for name in ("largest_list", "stale_after", "future_after"):
            limit = getattr(self, name)
            if limit is not None and not 1 <= limit <= LARGEST_LIMIT:
                raise BadInput(f"{name} is {limit}, not a number from 1 to {LARGEST_LIMIT}.")

"""One call to the RUFUS API, with its key proven and its inputs read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec

from startline_host.mock_cloud.answers import ApiRefusal
from startline_host.mock_cloud.rufus.passing_rules import PassingRules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from startline_host.mock_cloud.store import CloudStore

#: The largest number that a query may carry: what SQLite holds and JavaScript counts exactly.
MAX_NUMBER = 2**53 - 1
#: The largest page number.
MAX_PAGE = 1_000_000
#: Passings and devices on one page, at most and by default.
PAGE_SIZE = 5000

#: A date in the form `YYYY-MM-DDTHH:mm:ss.sssZ`, days that do not exist left out.
TIMESTAMP = (
    "^([0-9]{4}-("
    "(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    "|(0[13-9]|1[0-2])-(29|30)"
    "|(0[13578]|1[02])-31"
    ")|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29"
    r")T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z$"
)

Words = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Text = Annotated[str, msgspec.Meta(max_length=256)]

Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass(frozen=True)
class RufusRequest:
    """A call of one company: the path's parts, the query and the body as they came, and the rules."""

    store: CloudStore
    company: int
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    rules: PassingRules = field(default_factory=PassingRules)

    def read(self, form: type[Body]) -> Body:
        """Read the body as `form`; refuse with 400 and a reason what does not fit."""
        try:
            return msgspec.json.decode(self.body, type=form)
        except msgspec.ValidationError as error:
            raise ApiRefusal(400, f"Bad request: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ApiRefusal(400, "Bad request: the body is not valid JSON") from error

    def number(
        self, name: str, *, least: int, most: int = MAX_NUMBER, default: int | None = None
    ) -> int | None:
        """Read a whole number out of the query, or its default; refuse with 400 what is none."""
        text = self.query.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"-?[0-9]{1,16}", text) or not least <= int(text) <= most:
            raise ApiRefusal(400, f"Bad request: {name} must be a number from {least} to {most}")
        return int(text)

    def page(self) -> int:
        """Read the 1-based page number."""
        page = self.number("page", least=1, most=MAX_PAGE, default=1)
        assert page is not None  # noqa: S101 - it has a default
        return page

    def moment(self, name: str) -> str | None:
        """Read a timestamp out of the query, or None; refuse with 400 what is none."""
        text = self.query.get(name)
        if text is not None and not re.fullmatch(TIMESTAMP, text):
            raise ApiRefusal(
                400, f"Bad request: {name} must be a date like 2023-01-22T09:20:25.000Z"
            )
        return text


def pagination(page: int, limit: int, total: int) -> dict[str, int]:
    """Describe a page of a list: which, how long at most, how many entries and pages in all."""
    return {
        "page": page,
        "limit": limit,
        "total": total,
        "total_pages": max(1, -(-total // limit)),
    }

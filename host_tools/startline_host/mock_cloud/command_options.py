"""How the clouds answer, as `startline cloud` lets a person choose: `MockCloud`'s own options."""

from __future__ import annotations

from dataclasses import dataclass

from startline_host.mock_cloud.answers import ENVELOPES, FORMS, SECOND_BIND
from startline_host.mock_cloud.exchange import MAX_BODY
from startline_host.mock_cloud.rufus.passing_rules import DUPLICATES, LARGEST_LIMIT
from startline_host.mock_cloud.site import LOWEST_LIMIT

#: Options that are secrets, by the environment variable that has them.
SECRET_OPTIONS = {"vms_authorization": "STARTLINE_CLOUD_VMS_AUTHORIZATION"}


@dataclass(frozen=True)
class AnswerOption:
    """One option: its name for `MockCloud`, what it may be, the first of it by default."""

    name: str
    choices: tuple[str, ...]
    default: str
    says: str


ANSWER_OPTIONS = (
    AnswerOption(
        "envelope", ENVELOPES, "bare", "Fields at the top of an answer, or all inside `body`."
    ),
    AnswerOption(
        "answer_form", FORMS, "json", "Proper JSON, or the vendor's examples byte for byte."
    ),
    AnswerOption("second_bind", SECOND_BIND, "new", "What binding one serial number twice does."),
    AnswerOption(
        "duplicates",
        DUPLICATES,
        "full",
        "What makes a passing a double: all its fields, its number alone, or nothing.",
    ),
    AnswerOption(
        "vms_second_bind", SECOND_BIND, "conflict", "What activating one VMS device twice does."
    ),
)


@dataclass(frozen=True)
class LimitOption:
    """One option that is a number: its name for `MockCloud`, its bounds and its default."""

    name: str
    least: int
    most: int
    default: int | None
    unit: str
    says: str


LIMIT_OPTIONS = (
    LimitOption(
        "largest_list",
        1,
        LARGEST_LIMIT,
        None,
        "N",
        "Answer 413 to more passings at once than this.",
    ),
    LimitOption(
        "largest_body", LOWEST_LIMIT, MAX_BODY, MAX_BODY, "BYTES", "Answer 413 to a larger body."
    ),
    LimitOption(
        "stale_after",
        1,
        LARGEST_LIMIT,
        None,
        "SECONDS",
        "Refuse passings that are older than this.",
    ),
    LimitOption(
        "future_after", 1, LARGEST_LIMIT, None, "SECONDS", "Refuse passings dated further ahead."
    ),
)

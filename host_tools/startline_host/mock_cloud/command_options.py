"""How the clouds answer, as `startline cloud` lets a person choose: some of `MockOptions`."""

from __future__ import annotations

from dataclasses import dataclass

from startline_host.local_web.request_body import MAX_BODY
from startline_host.mock_cloud.answers import ENVELOPES, FORMS, SECOND_BIND
from startline_host.mock_cloud.rufus.passing_rules import DUPLICATES, LARGEST_LIMIT
from startline_host.mock_cloud.site import LOWEST_LIMIT

#: Options that are secrets, as a call has to carry them, by the environment variable that has each.
SECRET_OPTIONS = {"vms_authorization": "STARTLINE_CLOUD_VMS_AUTHORIZATION"}


@dataclass(frozen=True)
class AnswerOption:
    """One option: its name for `MockOptions`, which has its default, and what it may be."""

    name: str
    choices: tuple[str, ...]
    says: str


ANSWER_OPTIONS = (
    AnswerOption("envelope", ENVELOPES, "Fields at the top of an answer, or all inside `body`."),
    AnswerOption("answer_form", FORMS, "Proper JSON, or the vendor's examples byte for byte."),
    AnswerOption("second_bind", SECOND_BIND, "What binding one serial number twice does."),
    AnswerOption(
        "duplicates",
        DUPLICATES,
        "What makes a passing a duplicate: all its fields, its number alone, or nothing.",
    ),
    AnswerOption("vms_second_bind", SECOND_BIND, "What activating one VMS device twice does."),
)


@dataclass(frozen=True)
class LimitOption:
    """One option that is a number: its name for `MockOptions`, which has its default, its bounds."""

    name: str
    least: int
    most: int
    unit: str
    says: str


LIMIT_OPTIONS = (
    LimitOption(
        "largest_list", 1, LARGEST_LIMIT, "N", "Answer 413 to more passings at once than this."
    ),
    LimitOption("largest_body", LOWEST_LIMIT, MAX_BODY, "BYTES", "Answer 413 to a larger body."),
    LimitOption(
        "stale_after", 1, LARGEST_LIMIT, "SECONDS", "Refuse passings that are older than this."
    ),
    LimitOption(
        "future_after", 1, LARGEST_LIMIT, "SECONDS", "Refuse passings dated further ahead."
    ),
)

"""How the clouds answer, as `startline cloud` lets a person choose: `MockCloud`'s own options."""

from __future__ import annotations

from dataclasses import dataclass

from startline_host.mock_cloud.answers import ENVELOPES, FORMS, SECOND_BIND

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
        "vms_second_bind", SECOND_BIND, "conflict", "What activating one VMS device twice does."
    ),
)

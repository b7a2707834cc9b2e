"""Every fault that the clouds' application can play: one named row each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from startline_host.mock_cloud import (
    answer_mutations,
    list_mutations,
    session_mutations,
    token_mutations,
)
from startline_host.mock_cloud.fault_spec import FaultValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.mock_cloud.answer_mutations import MutationContext, Spoil
    from startline_host.mock_cloud.store import CloudStore


class CommitPolicy(Enum):
    """Whether the cloud does what it was asked before it misbehaves."""

    NO = "no"
    YES = "yes"
    LATE = "late"  # only after as many seconds as the fault's number says


class ExchangeEnd(Enum):
    """How the exchange ends."""

    ANSWER = "answer"
    DELAY = "delay"  # an answer, after as many seconds as the fault's number says
    DROP = "drop"  # the connection is closed without an answer
    STALL = "stall"  # nothing for as many seconds as the number says, then a drop
    RAW = "raw"  # the body's bytes are all that is written, status line and headers included


#: The headers of a request as ASGI has them: names in lower case, and values.
Headers = list[tuple[bytes, bytes]]


def _all_headers(headers: Headers) -> Headers:
    """Let the cloud hear every header."""
    return headers


def _without_underscores(headers: Headers) -> Headers:
    """Let it hear what nginx and Apache let through, unless they are told otherwise."""
    return [pair for pair in headers if b"_" not in pair[0]]


def _nothing_else(_store: CloudStore, _body: bytes) -> None:
    """Let nobody else do anything meanwhile."""


def _whole_body(body: bytes, _scene: MutationContext) -> bytes:
    """Let the cloud read what was sent."""
    return body


#: Which requests a fault is for: any, those that bind a device, those that list devices, those
#: that insert passings, those that list sessions, those that list a session's passings.
ANY, BIND, LIST, PASSINGS, SESSIONS = "any", "bind", "list", "passings", "sessions"
PASSED = "passed"


@dataclass(frozen=True)
class FaultKind:
    """One fault: what it does in a sentence, whether the cloud commits, and how it answers.

    `hears` is what comes through to the cloud of a request's headers, `reads` what does of its
    body, and `before` what somebody else does to the cloud before it sees the request.
    """

    name: str
    says: str
    commit: CommitPolicy = CommitPolicy.NO
    end: ExchangeEnd = ExchangeEnd.ANSWER
    where: str = ANY
    value: FaultValue | None = None
    spoil: Spoil = answer_mutations.unchanged
    hears: Callable[[Headers], Headers] = _all_headers
    reads: Callable[[bytes, MutationContext], bytes] = _whole_body
    before: Callable[[CloudStore, bytes], None] = _nothing_else


_SECONDS = FaultValue(1, 300, 5, "seconds")
_WAIT = FaultValue(0, 86_400, 120, "seconds")
_HANG = FaultValue(1, 3600, 600, "seconds")


def _token(name: str, says: str, spoil: Spoil) -> FaultKind:
    """Make the row of a wrong answer to a bind that the cloud did carry out."""
    return FaultKind(name, says, CommitPolicy.YES, where=BIND, spoil=spoil)


def _list(name: str, says: str, spoil: Spoil) -> FaultKind:
    """Make the row of a list of devices that is written in another way."""
    return FaultKind(name, says, CommitPolicy.YES, where=LIST, spoil=spoil)


_ROWS = (
    # Statuses
    FaultKind("status", "answers with this status and does nothing",
        value=FaultValue(200, 599, 503, "a status"), spoil=answer_mutations.status),
    FaultKind("status_null", "answers with this status and the body null, and does nothing",
        value=FaultValue(200, 599, 500, "a status"), spoil=answer_mutations.status_null),
    FaultKind("retry_after", "answers 429 with Retry-After in seconds", value=_WAIT,
        spoil=answer_mutations.retry_after(429)),
    FaultKind("retry_after_date", "answers 429 with Retry-After as a date this many seconds ahead",
        value=_WAIT, spoil=answer_mutations.retry_after_date(429)),
    FaultKind("unavailable", "answers 503 with Retry-After in seconds", value=_WAIT,
        spoil=answer_mutations.retry_after(503)),
    FaultKind("unavailable_date", "answers 503 with Retry-After as a date", value=_WAIT,
        spoil=answer_mutations.retry_after_date(503)),
    FaultKind("redirect", "answers with a redirect to the trap, a listener that notes who follows",
        value=FaultValue(300, 399, 307, "a status"), spoil=answer_mutations.redirect),
    FaultKind("captive_portal", "answers 200 with the log-in page of a venue's Wi-Fi",
        spoil=answer_mutations.captive_portal),
    FaultKind("gateway_page", "answers with this status and a gateway's HTML page",
        value=FaultValue(400, 599, 502, "a status"), spoil=answer_mutations.gateway_page),
    FaultKind("refused_words", "answers 403 with control characters in the reason",
        spoil=answer_mutations.refused_words),
    FaultKind("errors_any_key", "answers 422 as the page on billing activation shows it", where=BIND,
        spoil=answer_mutations.errors_any_key),
    FaultKind("errors_nested", "answers 422 with nested, several and non-ASCII reasons", where=BIND,
        spoil=answer_mutations.errors_nested),
    # What a server before the cloud does to a request
    FaultKind("drop_underscores", "drops headers with an underscore in their names, as nginx and Apache do",
        CommitPolicy.YES, hears=_without_underscores),
    # Connections
    FaultKind("drop", "closes the connection without an answer, and does nothing", end=ExchangeEnd.DROP),
    FaultKind("stall", "does nothing and answers nothing for this many seconds", end=ExchangeEnd.STALL,
        value=_HANG),
    FaultKind("slow", "does it at once and answers after this many seconds", CommitPolicy.YES, ExchangeEnd.DELAY,
        value=FaultValue(1, 3600, 5, "seconds")),
    # Commits
    FaultKind("commit_then_drop", "does it, then closes the connection without an answer",
        CommitPolicy.YES, ExchangeEnd.DROP, BIND),
    FaultKind("commit_then_stall", "does it, then answers nothing for this many seconds",
        CommitPolicy.YES, ExchangeEnd.STALL, BIND, _HANG),
    FaultKind("commit_then_status", "does it, then answers with this status as a gateway would",
        CommitPolicy.YES, where=BIND, value=FaultValue(300, 599, 503, "a status"), spoil=answer_mutations.status),
    FaultKind("commit_then_null", "does it, then answers with this status and the body null",
        CommitPolicy.YES, where=BIND, value=FaultValue(300, 599, 500, "a status"), spoil=answer_mutations.status_null),
    FaultKind("commit_late", "closes the connection at once, and does it this many seconds later",
        CommitPolicy.LATE, ExchangeEnd.DROP, BIND, _SECONDS),
    FaultKind("commit_late_gateway", "answers 504 at once, and does it this many seconds later",
        CommitPolicy.LATE, where=BIND, value=_SECONDS, spoil=answer_mutations.gateway_timeout),
    # Sessions and passings
    FaultKind("session_closed", "closes the session before passings come, as somebody with the app would",
        CommitPolicy.YES, where=PASSINGS, before=session_mutations.close_its_session),
    FaultKind("insert_first", "inserts only this many of the passings sent, and counts these",
        CommitPolicy.YES, where=PASSINGS, value=FaultValue(1, 5000, 1, "passings"),
        reads=session_mutations.first_passings),
    FaultKind("sessions_lag", "leaves sessions out of their list that are younger than this many seconds",
        CommitPolicy.YES, where=SESSIONS, value=_SECONDS, spoil=session_mutations.sessions_lag),
    FaultKind("passings_lag", "leaves passings out of their list that are younger than this many seconds",
        CommitPolicy.YES, where=PASSED, value=_SECONDS, spoil=session_mutations.passings_lag),
    # Spoilt answers
    FaultKind("wrong_content_type", "labels the right answer as HTML", CommitPolicy.YES,
        spoil=answer_mutations.wrong_content_type),
    FaultKind("chunked", "sends the right answer in chunks, without its length", CommitPolicy.YES,
        spoil=answer_mutations.chunked),
    FaultKind("many_headers", "puts this many headers before the right answer", CommitPolicy.YES,
        value=FaultValue(1, 2000, 200, "headers"), spoil=answer_mutations.many_headers),
    FaultKind("empty_answer", "answers with the right status and an empty body", CommitPolicy.YES,
        spoil=answer_mutations.empty_answer),
    FaultKind("null_answer", "answers with the right status and the body null", CommitPolicy.YES,
        spoil=answer_mutations.null_answer),
    FaultKind("broken_json", "cuts the answer's JSON off after two thirds", CommitPolicy.YES,
        spoil=answer_mutations.broken_json),
    FaultKind("huge_json", "puts this many bytes of text before the right answer's fields", CommitPolicy.YES,
        value=FaultValue(1, 16_777_216, 1_048_576, "bytes"), spoil=answer_mutations.huge_json),
    FaultKind("deep_json", "puts this many nested lists before the right answer's fields", CommitPolicy.YES,
        value=FaultValue(1, 1_000_000, 10_000, "levels"), spoil=answer_mutations.deep_json),
    FaultKind("junk", "answers 200 with this many random bytes", CommitPolicy.YES,
        value=FaultValue(0, 16_777_216, 2000, "bytes"), spoil=answer_mutations.junk),
    FaultKind("not_unicode", "puts bytes that are not UTF-8 into the right answer", CommitPolicy.YES,
        spoil=answer_mutations.not_unicode),
    FaultKind("bom", "puts a byte order mark before the right answer", CommitPolicy.YES,
        spoil=answer_mutations.byte_order_mark),
    FaultKind("not_a_number", "puts NaN and -Infinity into the right answer", CommitPolicy.YES,
        spoil=answer_mutations.not_a_number),
    FaultKind("control_words", "puts control characters into the right answer's words", CommitPolicy.YES,
        spoil=answer_mutations.control_words),
    # What HTTP itself forbids
    FaultKind("raw_junk", "writes this many random bytes instead of HTTP", CommitPolicy.YES, ExchangeEnd.RAW,
        value=FaultValue(0, 16_777_216, 2000, "bytes"), spoil=answer_mutations.raw_junk),
    FaultKind("length_too_long", "announces this many bytes more than it sends", CommitPolicy.YES, ExchangeEnd.RAW,
        value=FaultValue(1, 1_000_000, 100, "bytes"), spoil=answer_mutations.length_too_long),
    FaultKind("length_too_short", "announces this many bytes less than it sends", CommitPolicy.YES, ExchangeEnd.RAW,
        value=FaultValue(1, 1_000_000, 20, "bytes"), spoil=answer_mutations.length_too_short),
    FaultKind("interim", "sends interim answers with a length and with chunks before the right one",
        CommitPolicy.YES, ExchangeEnd.RAW, spoil=answer_mutations.interim),
    FaultKind("bad_status_line", "begins the answer with something that is not a status line",
        CommitPolicy.YES, ExchangeEnd.RAW, spoil=answer_mutations.bad_status_line),
    # Wrong tokens
    _token("token_missing", "binds, and leaves the token out", token_mutations.without_token),
    _token("token_misnamed", "binds, and names the token differently", token_mutations.misnamed_token),
    _token("token_null", "binds, and answers null as the token", token_mutations.token(b"null")),
    _token("token_empty", "binds, and answers an empty token", token_mutations.token(b'""')),
    _token("token_list", "binds, and answers a list as the token", token_mutations.token(b'["A1"]')),
    _token("token_true", "binds, and answers true as the token", token_mutations.token(b"true")),
    _token("token_negative", "binds, and answers -1 as the token", token_mutations.token(b"-1")),
    _token("token_float", "binds, and answers 25.5 as the token", token_mutations.token(b"25.5")),
    _token("token_huge", "binds, and answers a number of 400 digits", token_mutations.token(b"9" * 400)),
    _token("token_short", "binds, and answers 63 digits", token_mutations.token(b'"%s"' % (b"A" * 63))),
    _token("token_long", "binds, and answers 65 digits", token_mutations.token(b'"%s"' % (b"A" * 65))),
    _token("token_not_hex", "binds, and answers 64 letters", token_mutations.token(b'"%s"' % (b"Z" * 64))),
    _token("token_lower", "binds, and writes the token in lower case", token_mutations.lower_token),
    _token("token_spaced", "binds, and puts blanks around the token", token_mutations.spaced_token),
    _token("token_cut", "binds, and cuts the answer off within the token", token_mutations.cut_token),
    _token("token_ended", "binds, and cuts the answer off right behind the token",
        token_mutations.ended_token),
    FaultKind("token_blanks", "binds, and puts this many blanks before the token", CommitPolicy.YES, where=BIND,
        value=FaultValue(1, 100_000, 300, "blanks"), spoil=token_mutations.blank_token),
    _token("token_in_text", "binds, and writes the answer as a text that holds the JSON",
        token_mutations.token_in_text),
    _token("token_twice", "binds, and answers two different tokens", token_mutations.second_token),
    # Lists
    FaultKind("list_cut", "cuts the list of devices off in the middle", CommitPolicy.YES, where=LIST,
        spoil=answer_mutations.broken_json),
    FaultKind("list_empty", "answers that there are no devices", CommitPolicy.YES, where=LIST,
        spoil=list_mutations.list_empty),
    FaultKind("list_lags", "leaves devices out of the list that are younger than this many seconds",
        CommitPolicy.YES, where=LIST, value=_SECONDS, spoil=list_mutations.list_lags),
    FaultKind("list_escaped", "writes the list with escapes, blanks and its members in reverse",
        CommitPolicy.YES, where=LIST, spoil=list_mutations.list_escaped),
    FaultKind("list_endless", "promises more pages of the list than there are",
        CommitPolicy.YES, where=LIST, spoil=list_mutations.list_endless),
    _list("list_renamed", "names the list of devices differently", list_mutations.list_renamed),
    FaultKind("list_short", "says that there are this many devices more than it lists", CommitPolicy.YES,
        where=LIST, value=FaultValue(1, 1000, 1, "devices"), spoil=list_mutations.list_short),
    _list("list_odd_items", "puts null, a text, a list and a number among the devices",
        list_mutations.list_odd_items),
    _list("list_odd_members", "adds to each device members that are no JSON or not UTF-8",
        list_mutations.list_odd_members),
    _list("list_latin", "writes the list in Latin-1", list_mutations.serial_latin1),
    _list("list_marks_null", "writes null for each firmware version", list_mutations.marks_null),
    _list("list_token_number", "writes a number for each deviceid", list_mutations.token_as_number),
    _list("list_token_lower", "writes each deviceid in lower case", list_mutations.token_lower),
    _list("list_serial_number", "writes serial numbers of digits as numbers",
        list_mutations.serial_as_number),
    _list("list_serial_null", "writes null for each serial number", list_mutations.serial_null),
    _list("list_serial_empty", "writes an empty text for each serial number",
        list_mutations.serial_empty),
    _list("list_serial_missing", "leaves out each serial number", list_mutations.serial_missing),
    _list("list_serial_renamed", "names the serial numbers differently",
        list_mutations.serial_renamed),
    _list("list_serial_nfd", "writes the serial numbers decomposed (NFD)",
        list_mutations.serial_decomposed),
    _list("list_serial_case", "writes the serial numbers with their case folded",
        list_mutations.serial_casefolded),
    _list("list_serial_html", "writes the serial numbers escaped for HTML",
        list_mutations.serial_as_html),
    _list("list_serial_bare", "writes the serial numbers without separators",
        list_mutations.serial_bare),
    _list("list_serial_list", "writes each serial number in a list", list_mutations.serial_as_list),
    _list("list_serial_long", "pads each serial number to 400 characters",
        list_mutations.serial_long),
    _list("list_serial_twice", "gives each serial number twice, first a wrong one",
        list_mutations.serial_twice),
)  # fmt: skip

#: Every fault by its name.
ROWS: dict[str, FaultKind] = {row.name: row for row in _ROWS}

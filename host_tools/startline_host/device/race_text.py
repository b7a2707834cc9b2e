"""What a reader that times says of its race, in words for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from startline_host.device.field_text import Fields, field_text, plain_words, seconds_text
from startline_host.device.tls_text import tls_reason
from startline_host.util import printable

_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "idle": "in order",
        "no_session": "passings wait for a session to be opened",
        "no_passings": "this cloud takes no passings; they are stored, and can be exported",
        "not_bound": "not bound yet; passings are stored",
        "no_key": "run.key is missing; passings are stored",
        "no_time": "the time is not known yet; passings are stored",
        "journal_full": "the journal is full",
        "forbidden": "the cloud refuses the key (run.key)",
        "device_not_found": "the cloud does not know this deviceid",
        "too_many_aside": "too many passings are set aside",
        "closed_again": "the cloud closes every session at once",
        "servers_differ": "the time servers contradict each other",
        "one_server": "only one of several time servers answered",
        "no_answer": "the time server did not answer",
        "unreachable": "the time server cannot be reached",
        "replayed": "the time server answered another question",
        "unsynchronised": "the time server does not know the time itself",
        "absurd": "the time server's answer cannot be true",
        "clock_before_made_at": "the time is before the device was made",
        "undated": "the time was never known while they were stored",
    }
)
_SESSION_STATES: Mapping[str, str] = MappingProxyType(
    {
        "open": "opened at the cloud",
        "found": "was open at the cloud already",
        "closed": "closed at the cloud",
        "gone": "is not at the cloud any more",
        "asked_again": "opened again, as the answer was lost; an empty one may be left",
        "closed_elsewhere": "takes the rest, as somebody else closed the last one",
        "recovered": "recovered from its passings: the journal lost its name",
    }
)
_WARNINGS: Mapping[str, str] = MappingProxyType(
    {
        "no_live_port": "the live port cannot be opened",
        "not_counted": "the cloud counted something else than was sent",
        "refused": "the cloud refused a batch",
    }
)


def race_reason(reason: object) -> str:
    """Say why nothing is sent, or why there is no time; never empty."""
    text = str(reason)
    kind, _, words = text.partition(" ")
    if kind == "session_refused":
        return f"the cloud refused the session ({plain_words(words)})"
    if kind == "kiss":
        return f"the time server asks for fewer requests ({plain_words(words)})"
    if kind == "tls":
        return f"TLS: {tls_reason(words)}"
    return _REASONS.get(text) or plain_words(text)


def _race(fields: Fields) -> str:
    session = printable(str(fields.get("session", "")))
    said = f"race {session!r}" if session else "no session is open"
    said += ", " + ", ".join(
        f"{field_text(fields, name)} {name}" for name in ("stored", "sent", "waiting")
    )
    said += "".join(
        f", {field_text(fields, name)} {words}"
        for name, words in (("unsure", "perhaps sent"), ("aside", "set aside"))
        if fields.get(name)
    )
    clock = fields.get("clock")
    if clock not in (None, "none"):
        said += f"; time from {plain_words(clock)}, within {field_text(fields, 'error_ms')} ms"
    reason = fields.get("reason")
    return said + (f"; {race_reason(reason)}" if reason and reason != "idle" else "")


def _clock(fields: Fields) -> str:
    if "step_ms" in fields:
        return f"race clock: moved by {field_text(fields, 'step_ms')} ms"
    server = f" ({plain_words(fields['server'])})" if fields.get("server") else ""
    return f"race clock: {race_reason(fields.get('reason', ''))}{server}"


def _session(fields: Fields) -> str:
    state = str(fields.get("state", ""))
    words = _SESSION_STATES.get(state) or plain_words(state)
    return f"session {field_text(fields, 'alias')!r} {words}"


def _lookup(fields: Fields) -> str:
    return f"looked up {_range(fields)} at the cloud: {field_text(fields, 'there')} there"


def _failed(fields: Fields) -> str:
    wait = fields.get("next_ms")
    again = f"; tries again in {seconds_text(wait)}" if isinstance(wait, int | float) else ""
    step, reason = plain_words(fields.get("step", "sending")), fields.get("reason", "")
    if step == "tls":
        return f"race: TLS failed ({tls_reason(str(reason))}){again}"
    return f"race: {step} failed ({race_reason(reason)}){again}"


def _aside(fields: Fields) -> str:
    if fields.get("reason"):
        why = race_reason(fields["reason"])
    else:
        why = f"the cloud answered {field_text(fields, 'status')}"
    return f"{_range(fields)} set aside: {why}"


def _damaged(fields: Fields) -> str:
    return f"the journal lost {field_text(fields, 'missing')} of {_range(fields)}"


def _warning(fields: Fields) -> str:
    what = str(fields.get("what", ""))
    if what.startswith("journal_") and what.endswith("_percent"):
        percent = printable(what.removeprefix("journal_").removesuffix("_percent"))
        return f"warning: the journal is {percent} % full of what is not sent"
    said = f"warning: {_WARNINGS.get(what) or plain_words(what)}"
    if "sent" in fields:
        said += f" ({field_text(fields, 'sent')} sent, {field_text(fields, 'counted')} counted)"
    return said + (f": {plain_words(fields['reason'])}" if fields.get("reason") else "")


def _range(fields: Fields) -> str:
    first, last = field_text(fields, "first"), field_text(fields, "last")
    return f"passing {first}" if first == last else f"passings {first} to {last}"


#: A sentence for each event of `startline.states.RACE_EVENTS`.
RACE_WORDINGS: Mapping[str, Callable[[Fields], str]] = MappingProxyType(
    {
        "race": _race,
        "race_clock": _clock,
        "race_session": _session,
        "race_lookup": _lookup,
        "race_failed": _failed,
        "race_stopped": lambda fields: f"race stopped: {race_reason(fields.get('reason', ''))}",
        "race_aside": _aside,
        "race_damaged": _damaged,
        "race_warning": _warning,
    }
)

"""A device's events in words for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from startline_host.device.console import Event
from startline_host.device.field_text import Fields, field_text, plain_words, seconds_text
from startline_host.device.race_text import RACE_WORDINGS
from startline_host.device.tls_text import TLS_REASONS, tls_reason
from startline_host.util import printable

_CLOCK_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "clock_before_made_at": "the clock shows a time before the device was made",
        "clock_in_the_future": "the time server reports a time in the far future",
        "no_time": "no time server answered",
    }
)
_CONNECT_REASONS: Mapping[str, str] = MappingProxyType(
    {
        # A chip says of a port that nobody listens at that the connection was reset.
        "econnreset": "nothing listens there, or a firewall refuses it",
        "econnrefused": "nothing listens there, or a firewall refuses it",
        "timeout": "nothing answers at that address",
        "ehostunreach": "there is no way to that address",
    }
)
_WARNINGS: Mapping[str, str] = MappingProxyType(
    {
        "stock_table": "it keeps the stock partition table, and one copy of its record",
        "insecure_http": "it talks to its cloud without encryption",
        "one_copy": "only one copy of its record is stored",
        "read_write_key": "whoever holds it can read the company's devices with its key",
        "led": "its LED cannot be lit",
    }
)
#: Reasons that say little by themselves.
_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "gzip": "the answer came compressed, which was not asked for; a proxy may do that",
        "wifi 200": "the network's beacons stopped",
        "wifi 203": "the network refused the association",
        "wifi 210": "the network uses a kind of security that the device does not support",
        "wifi 211": "the network's security is weaker than the device accepts",
        "wifi 212": "the network's signal is too weak",
        "web_page": "the answer is a web page: a captive portal or a proxy may have sent it",
    }
)


def clock_reason(reason: str) -> str:
    """Say what is wrong with the clock."""
    return _CLOCK_REASONS.get(reason) or plain_words(reason)


def connect_reason(reason: str) -> str:
    """Say why no connection came about."""
    return _CONNECT_REASONS.get(reason) or plain_words(reason)


def printable_field(value: object) -> str:
    """Return one of the device's or the cloud's words, fit for a terminal, never empty."""
    step, _, reason = str(value).partition(" ")
    say = _OF_STEP.get(step)
    if say is not None and (words := say(reason)) != plain_words(reason):
        return f"{_STEPS.get(step, step)}: {words}"
    return _REASONS.get(str(value)) or plain_words(value)


def reason_words() -> dict[str, str]:
    """Return the words for every reason that has some of its own, by what a device says.

    For whoever shows events elsewhere: what is not among them is said with spaces for underscores.
    """
    said = [f"tls {reason}" for reason in TLS_REASONS]
    said += [f"tls alert {number}" for number in range(1, 256)]
    said += [f"clock {reason}" for reason in _CLOCK_REASONS]
    said += [f"connect {reason}" for reason in _CONNECT_REASONS]
    return {reason: printable_field(reason) for reason in (*said, *_REASONS)}


def describe_event(event: Event) -> str:
    """Say an event in one short line."""
    wording = _WORDINGS.get(event.name)
    return wording(event.fields) if wording else printable_field(event.name)


def _boot(fields: Fields) -> str:
    return f"agent {field_text(fields, 'version')} starts"


def _identity(fields: Fields) -> str:
    return f"{field_text(fields, 'serial')}, model {field_text(fields, 'model')}, chip {field_text(fields, 'mac')}"


def _unprovisioned(fields: Fields) -> str:
    missing = fields.get("missing")
    names = missing if isinstance(missing, list) else [missing]
    return f"not provisioned, missing: {', '.join(printable_field(name) for name in names)}"


def _record(fields: Fields) -> str:
    reason = fields.get("reason")
    return f"record: {field_text(fields, 'state')}" + (
        f" ({printable_field(reason)})" if reason else ""
    )


def _phase(what: str, say: Callable[[str], str]) -> Callable[[Fields], str]:
    def wording(fields: Fields) -> str:
        reason = fields.get("reason")
        return f"{what}: {printable_field(fields.get('phase', '?'))}" + (
            f" ({say(str(reason))})" if reason else ""
        )

    return wording


def _link(fields: Fields) -> str:
    return _phase(printable_field(fields.get("kind", "link")), printable_field)(fields)


def _attempt(fields: Fields) -> str:
    return f"asking the cloud, attempt {field_text(fields, 'id')}"


def _answer(fields: Fields) -> str:
    reason = fields.get("reason")
    said = f" ({printable_field(reason)})" if reason else ""
    if not fields.get("status"):
        return f"no answer{said}: outcome {field_text(fields, 'outcome')}"
    if reason == f"status {fields['status']}":  # it stands there already
        said = ""
    return (
        f"the cloud answered {field_text(fields, 'status')}: {field_text(fields, 'outcome')}{said}"
    )


def _wait(fields: Fields) -> str:
    return f"waits {seconds_text(fields.get('next_ms'))} ({printable_field(fields.get('reason', ''))})"


def _look(fields: Fields) -> str:
    reason = fields.get("reason")
    said = f" ({printable_field(reason)})" if reason else ""
    return f"looked it up at the cloud: {field_text(fields, 'outcome')}{said}"


def _warning(fields: Fields) -> str:
    what = str(fields.get("what", ""))
    kind, _, names = what.partition(" ")
    if kind == "out_of_range":
        return f"warning: {printable(names)} is out of range, and was changed to the nearest"
    if kind == "no_role":
        return f"warning: it has no {printable(names)}, which it needs; `startline flash` loads it"
    return f"warning: {_WARNINGS.get(what) or printable_field(what)}"


def _rest(fields: Fields) -> str:
    return f"waits for its next boot: this one's limit leaves no time ({seconds_text(fields.get('next_ms'))} to the next try)"


def _failed(fields: Fields) -> str:
    again = f"; tries again in {seconds_text(fields['next_ms'])}" if fields.get("next_ms") else ""
    step, reason = field_text(fields, "step"), str(fields.get("reason", ""))
    return (
        f"{_STEPS.get(step, step)} failed ({_OF_STEP.get(step, printable_field)(reason)}){again}"
    )


def _ready(fields: Fields) -> str:
    reason = fields.get("reason")
    return f"ready: {field_text(fields, 'state')}" + (
        f" ({printable_field(reason)})" if reason else ""
    )


#: The steps whose reasons have words of their own, and steps that have another name for people.
_OF_STEP: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"tls": tls_reason, "clock": clock_reason, "connect": connect_reason}
)
_STEPS: Mapping[str, str] = MappingProxyType({"tls": "TLS", "dns": "DNS"})
_WORDINGS: Mapping[str, Callable[[Fields], str]] = MappingProxyType(
    {
        **RACE_WORDINGS,
        "boot": _boot,
        "identity": _identity,
        "unprovisioned": _unprovisioned,
        "record": _record,
        "link": _link,
        "clock": _phase("clock", clock_reason),
        "tls": _phase("TLS", tls_reason),
        "attempt": _attempt,
        "answer": _answer,
        "wait": _wait,
        "failed": _failed,
        "warning": _warning,
        "look": _look,
        "rest": _rest,
        "scrub": lambda fields: (
            "the claim key is erased" if fields.get("done") else "the claim key is not erased yet"
        ),
        "ready": _ready,
    }
)

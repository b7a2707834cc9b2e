"""What follows from a failure, a limit, or an answer that is no token: when to go on, and what to say.

To go on there is back-off with jitter, and what a server asks for; to say, a cloud's own words,
never JSON, a token or a key.
"""

if False:  # for mypy; a device has none of these
    from agent_types import BindAnswer, Binding, Chip, GuardedTransport, StepFailed

_MOST = 400  # bytes that are looked at


def retry_delay(binding: "Binding", failed: "StepFailed") -> "int | None":
    """Say what failed before the first byte; return after how long to try again, None to rest."""
    device = binding.device
    step, reason = failed.args[:2]
    if device.state == "unknown" and not binding.looking:
        from ..record.rules import load_record

        # Half a promise was written, and nothing was sent.
        binding.save("unbound", reason)
        load_record(binding)
    wait = None
    if len(failed.args) < 3:
        # Looking for a network loads no server: however long it is away, the pause stays short.
        tries = 0 if step == "link" else binding.tries - 1
        wait = backoff_ms(tries, chance(binding.chip))
    if binding.link and step != "link" and (step == "dns" or reason == "timeout"):
        binding.link.down()  # a link that has an address and no traffic is joined anew
    if not binding.looking:
        device.reason = step + " " + reason
    binding.emit("failed", {"step": step, "reason": reason, "next_ms": wait or 0})
    device.print_line("%s: %s" % (step, reason))
    return wait


def report_limit(binding: "Binding", wait: int, limit: str) -> None:
    """Say which limit leaves no room for another try, which would come after `wait`."""
    device = binding.device
    device.reason = device.reason or limit
    binding.emit("rest", {"reason": limit, "next_ms": wait})


def next_step(
    binding: "Binding", transport: "GuardedTransport", state: str, good: int
) -> "int | None":
    """Return after how long to ask again, or to look, when the answer was no token.

    `good` is how many copies of the record hold the answer: without one, it is as if there were
    none.
    """
    if not good:
        token_not_stored(binding, 0)
        return None
    wait = 0 if state == "unknown" else None
    if state == "unbound" or (wait is not None and transport.retry_after):
        wait = server_backoff_ms(
            retry_after_ms(transport.retry_after, binding.chip.unix()),
            binding.requests - 1,
            chance(binding.chip),
        )
        binding.emit("wait", {"next_ms": wait, "reason": "retry_after"})
    return wait


def token_not_stored(binding: "Binding", good: int) -> None:
    """Say that what the cloud answered is not in every copy, or in none."""
    if good:
        binding.emit("warning", {"what": "one_copy"})
    else:
        binding.device.state = "unknown"
        binding.device.reason = "storage unwritten"
        binding.emit("failed", {"step": "storage", "reason": "unwritten", "next_ms": 0})


def chance(chip: "Chip") -> int:
    """Return a random number from 0 to 65535."""
    return int.from_bytes(chip.random(2), "little")


def backoff_ms(tries: int, chance: int) -> int:
    """Return milliseconds to wait after the `tries`-th failure in a row (from 0).

    Exponential with full jitter: `chance`, 0 to 65535, picks from 0 to a limit that doubles from
    2 s to 32 s, so that a million devices after one power failure do not come back as one.
    """
    return (2000 << min(tries, 4)) * chance >> 16


def server_backoff_ms(floor: int, tries: int, chance: int) -> int:
    """Return milliseconds to wait after the `tries`-th answer in a row (from 0) that put us off.

    The server's `floor` stands, and so does our own, which doubles from 1 s to 32 s; `chance`, 0
    to 65535, adds up to as long again, so that all who were sent away do not come back as one.
    """
    least = max(floor, 1000 << min(tries, 5))
    return least + (least * chance >> 16)


def retry_after_ms(value: bytes, now: int) -> int:
    """Return milliseconds to wait by a Retry-After header in lower case: seconds, or a date.

    `now` is Unix time. At least 1 s, at most an hour; 30 s for what cannot be read.
    """
    from .clock import of_header

    try:
        seconds = int(value) if value.isdigit() else of_header(value) - now
    except (ValueError, IndexError):
        seconds = 30
    return min(max(seconds, 1), 3600) * 1000


def refusal_reason(answer: "BindAnswer", status: int, secrets: tuple[str, ...]) -> str:
    """Return why a `BindAnswer` with that HTTP status has no token to take; never ""."""
    tokens = answer.tokens
    if answer.start[:1] == b"\x1f":  # gzip, which no request asks for
        return "gzip"
    if status in (200, 201):
        return "two_tokens" if len(tokens) > 1 else "unfit_token" if tokens else "no_token"
    text = ""
    for name in answer.cloud.WORDS:
        text = text or printable(answer.said.get(name, b""), secrets)
    if not text and answer.broken and not answer.path and not answer.closed:  # no JSON at all
        text = printable(bytes(answer.start), secrets)
        if text[:1] == "<":
            text = "web_page"
        elif text in ("null", "true", "false") or not text.strip("0123456789.-"):
            text = ""
    return text or "status %d" % status


def printable(raw: "str | bytes", secrets: tuple[str, ...] = ()) -> str:
    """Return what a cloud says as one line for people, at most 96 bytes.

    It holds no control characters, no JSON, and of what may be a token or a key, 32 hex digits or
    more, only that it was there; it ends where one of `secrets` begins.
    """
    text = _line(_text(raw[:_MOST]))
    at = text.find("{")
    if at >= 0 and (":" in text[at:] or '"' in text[at:]):
        text = text[:at]
    text = text.split('["')[0]
    for secret in secrets:
        for part in secret.split():  # of "Bearer 123" the second is the secret
            if len(part) > 6 and part[:8] in text:
                text = text[: text.find(part[:8])] + "..."
    text = text[:96]
    while len(text.encode()) > 96:
        text = text[:-1]
    text = text.strip()
    return "" if text == "..." else text


def _text(raw: "str | bytes") -> "str | bytes":
    """Return a text; or bytes that are none as they are, to be read as ASCII."""
    if isinstance(raw, bytes):
        for cut in range(min(4, len(raw))):
            try:
                if not cut or raw[-cut] >= 0xC0:  # the last character may have been cut
                    return str(raw[: len(raw) - cut], "utf-8")
            except UnicodeError:
                pass
    return raw


def _line(raw: "str | bytes") -> str:
    """Return a text without control characters and long runs of hex digits."""
    text = ""
    run = 0
    for char in raw:
        code = char if isinstance(char, int) else ord(char)
        # Controls of either kind, halves of characters, and what turns the direction of text.
        if (
            code < 33
            or 127 <= code < 161
            or 0xD800 <= code < 0xE000
            or 0x2028 <= code < 0x202F
            or code == 0xFEFF
            or (code > 127 and char == code)
        ):
            code = 32
        run = run + 1 if chr(code) in "0123456789abcdefABCDEF" else 0
        if run == 32:
            text = text[:-31] + "..."
        elif run < 32 and (code > 32 or text[-1:] > " "):
            text += chr(code)
    return text

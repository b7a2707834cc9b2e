"""Why a cloud did not bind, in its own words: never JSON, a token or a key."""

_MOST = 400  # bytes that are looked at
_HEX = "0123456789abcdefABCDEF"


def refusal_reason(answer, status: int, secrets: tuple) -> str:
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


def printable(raw: "str | bytes", secrets: tuple = ()) -> str:
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
        run = run + 1 if chr(code) in _HEX else 0
        if run == 32:
            text = text[:-31] + "..."
        elif run < 32 and (code > 32 or text[-1:] > " "):
            text += chr(code)
    return text

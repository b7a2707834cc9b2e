"""Reading the answer to the one request: the token where it stands unmistakably, or a reason.

One rule for all clouds. A token counts once its own end was seen, its closing quote or what stands
behind its digits: whatever comes after that, or is cut off, takes nothing away. Of two different
ones neither counts. It stands in the outermost object or in its `body`, which may be a text that
holds the JSON. A reason is what the cloud says to people, never JSON, a token or a key.
"""

from .scan import OPEN, TEXT, Scanner, text_of

_MOST = 400  # bytes of a reason that are looked at
_HEX = "0123456789abcdefABCDEF"


class Answer(Scanner):
    """The body of an answer, as far as it was read, to a cloud's module.

    `tokens` are the different values of the token, "" for one that is none, `said` what stands at
    or below each of WORDS. `inner` is a text that may be JSON itself, `start` the first bytes.
    """

    LONGEST = 1024
    MANY = True  # another document may come behind the first, to contradict it
    inner = start = b""
    broken = False

    def __init__(self, cloud) -> None:
        Scanner.__init__(self, (), None)
        self.cloud = cloud
        self.tokens = []
        self.said = {}

    def read(self, data: bytes) -> None:
        """Take the next piece; what was seen before something that is no JSON was seen."""
        if len(self.start) < _MOST:
            self.start += data
        try:
            if not self.broken:
                self.feed(data)
        except ValueError:
            self.broken = True

    def value(self, raw: bytes, kind: int) -> None:
        """Take a value."""
        cloud = self.cloud
        path = self.path[1:] if self.path[:1] == [b"body"] else self.path
        if path == [cloud.TOKEN]:
            token = ""
            if self.whole and kind != OPEN:
                token = cloud.canonical(text_of(raw) if kind == TEXT else raw)
            # null and an empty text say that there is none, anything else what it is.
            if token not in self.tokens and len(self.tokens) < 3 and raw not in (b"null", b""):
                self.tokens.append(token)
        elif kind == TEXT and raw:
            if not path:
                self.inner = raw
            elif path[0] in cloud.WORDS and len(self.said.get(path[0], b"")) < _MOST:
                before = self.said.get(path[0])
                self.said[path[0]] = before + b"; " + raw if before else raw

    def ended(self, code: int) -> None:
        """Take it that a bracket was closed: it says nothing."""

    def within(self) -> "Answer":
        """Return what stands in a text, also in one that was cut off."""
        raw = self.inner
        if self.text and self.next == 2 and self.path in ([], [b"body"]):
            raw = self.text
        inner = Answer(self.cloud)
        inner.tokens = self.tokens
        inner.said = self.said
        inner.read(raw)
        return inner

    def meaning(self, status: int, secrets: tuple) -> tuple:
        """Return (state, token, reason); `secrets` are keys that a reason must not hold."""
        self.within().within()
        tokens = self.tokens
        reason = ""
        if status in (200, 201):
            if len(tokens) == 1 and tokens[0]:
                return "bound", tokens[0], ""
            reason = "two_tokens" if len(tokens) > 1 else "unfit_token" if tokens else "no_token"
        for name in self.cloud.WORDS:
            reason = reason or words(self.said.get(name, b""), secrets)
        if not reason and self.broken and not self.path and not self.closed:  # no JSON at all
            reason = words(self.start, secrets)
            if reason[:1] == "<":
                reason = "web_page"
            elif reason in ("null", "true", "false") or not reason.strip("0123456789.-"):
                reason = ""
        states = self.cloud.ANSWERS
        state = states.get(status) or states.get(status // 100, "unknown")
        return state, "", reason or "status %d" % status


def words(raw: "str | bytes", secrets: tuple = ()) -> str:
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

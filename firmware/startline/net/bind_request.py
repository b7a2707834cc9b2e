"""The one request that binds, and reading its answer: the token where it stands unmistakably, or a reason.

One rule for all clouds. A token counts once its own end was seen, its closing quote or what stands
behind its digits: whatever comes after that, or is cut off, takes nothing away. Of two different
ones neither counts. It stands in the outermost object or in its `body`, which may be a text that
holds the JSON.

Everything that reading the answer needs is here before the first byte goes out: a chip that finds
no room for it any more must not find out afterwards.
"""

from .. import __version__
from . import StepFailed
from .http_guard import GuardedTransport, exchange
from .json_scanner import OPEN, TEXT, JsonScanner, text_of

if False:  # for mypy; a device has none of these
    from agent_types import Binding, Cloud, Fill

_MOST = 8192  # bytes of an answer that are read
_SAID = 400  # bytes of what is said to people that are kept


def bind_request(binding: "Binding") -> "int | None":
    """Make the request; return after how many milliseconds to do so again, if at all.

    Raises StepFailed for what failed before the first byte.
    """
    identity = binding.identity
    chip = binding.chip
    binding.online()
    record = binding.new_record()
    record.attempt = chip.random(4)
    mark = __version__ + "+sl." + record.attempt.hex()
    if identity.values.get("set.mark") == 0:
        mark = ""
    path, headers, body = binding.cloud.request(identity, mark)
    limit = min(30000, binding.left())
    record.due = chip.unix() + limit // 1000
    binding.sent = False
    answer = BindAnswer(binding.cloud)

    def read_body(fill: "Fill") -> None:
        """Read the body byte by byte: a cut must not lose what came before."""
        byte = bytearray(1)
        try:
            for _ in range(_MOST):
                if not fill(byte):
                    break
                answer.read(byte)
        except StepFailed:
            pass

    transport = GuardedTransport(
        chip, binding.link.sockets, binding.roots, limit, binding.record_unknown
    )
    status = 0
    token = ""
    state = "unknown"
    try:
        status, _ = exchange(transport, "POST", identity.base_url + path, headers, body, read_body)
        secrets = (identity.text("claim.key"), identity.text("claim.auth"))
        state, token, reason = answer.meaning(status, secrets)
    except StepFailed as failed:
        reason = failed.args[1]
        if not binding.sent:
            raise
    binding.emit("answer", {"status": status, "outcome": state, "reason": reason})
    if state == "bound":
        return binding.bound(token, status)  # type: ignore[func-returns-value] # None: to rest
    good = binding.save(state, reason, status)
    from .outcome import next_step

    return next_step(binding, transport, state, good)


class BindAnswer(JsonScanner):
    """The body of an answer, as far as it was read, to a cloud's module.

    `tokens` are the different values of the token, "" for one that is none, `said` what stands at
    or below each of WORDS. `inner` is a text that may be JSON itself, `start` the first bytes.
    """

    LONGEST = 1024
    MANY = True  # another document may come behind the first, to contradict it
    inner = b""
    broken = False

    def __init__(self, cloud: "Cloud") -> None:
        JsonScanner.__init__(self)
        self.cloud = cloud
        self.start = bytearray()
        self.tokens: list[str] = []
        self.said: dict[bytes | None, bytes] = {}

    def read(self, data: bytes) -> None:
        """Take the next piece; what was seen before something that is no JSON was seen."""
        if len(self.start) < _SAID:
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
            elif path[0] in cloud.WORDS and len(self.said.get(path[0], b"")) < _SAID:
                before = self.said.get(path[0])
                self.said[path[0]] = before + b"; " + raw if before else raw

    def ended(self, code: int) -> None:
        """Take it that a bracket was closed: it says nothing."""

    def within(self) -> "BindAnswer":
        """Return what stands in a text, also in one that was cut off."""
        raw = self.inner
        if self.text and self.next == 2 and self.path in ([], [b"body"]):
            raw = self.text
        inner = BindAnswer(self.cloud)
        inner.tokens = self.tokens
        inner.said = self.said
        inner.read(raw)
        return inner

    def meaning(self, status: int, secrets: tuple[str, ...]) -> tuple[str, str, str]:
        """Return (state, token, reason); `secrets` are keys that a reason must not hold."""
        self.within().within()
        tokens = self.tokens
        if status in (200, 201) and len(tokens) == 1 and tokens[0]:
            return "bound", tokens[0], ""
        states = self.cloud.ANSWERS
        state = states.get(status) or states.get(status // 100, "unknown")
        try:
            from .outcome import refusal_reason

            return state, "", refusal_reason(self, status, secrets)
        except MemoryError:  # what becomes of the device does not hang on it
            return state, "", "no_memory"

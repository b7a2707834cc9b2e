"""The one request that binds, and what comes of its answer.

Everything that reading the answer needs is here before the first byte goes out: a chip that finds
no room for it any more must not find out afterwards.
"""

from . import __version__
from .bind_answer import BindAnswer
from .net import StepFailed
from .net.http_guard import GuardedTransport, exchange

_MOST = 8192  # bytes of an answer that are read


def bind_request(binding) -> "int | None":
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

    def read_body(fill) -> None:
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
        return binding.bound(token, status)
    good = binding.save(state, reason, status)
    from .outcome import next_step

    return next_step(binding, transport, state, good)

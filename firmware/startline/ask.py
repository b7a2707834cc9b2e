"""The one request that binds, and what comes of its answer.

Everything that reading the answer needs is here before the first byte goes out: a chip that finds
no room for it any more must not find out afterwards.
"""

from . import __version__
from .answer import Answer
from .errors import Failed
from .guard import Door, exchange

_MOST = 8192  # bytes of an answer that are read


def ask(binding) -> "int | None":
    """Make the request; return after how many milliseconds to do so again, if at all.

    Raises Failed for what failed before the first byte.
    """
    who = binding.who
    chip = binding.chip
    binding.online()
    record = binding.begin()
    record.attempt = chip.random(4)
    mark = __version__ + "+sl." + record.attempt.hex()
    if who.values.get("set.mark") == 0:
        mark = ""
    path, headers, body = binding.cloud.request(who, mark)
    limit = min(30000, binding.left())
    record.due = chip.unix() + limit // 1000
    binding.sent = False
    answer = Answer(binding.cloud)

    def take(fill) -> None:
        """Read the body byte by byte: a cut must not lose what came before."""
        byte = bytearray(1)
        try:
            for _ in range(_MOST):
                if not fill(byte):
                    break
                answer.read(byte)
        except Failed:
            pass

    door = Door(chip, binding.link.sockets, binding.roots, limit, binding.promise)
    status = 0
    token = ""
    state = "unknown"
    try:
        status, _ = exchange(door, "POST", who.base_url + path, headers, body, take)
        secrets = (who.text("claim.key"), who.text("claim.auth"))
        state, token, reason = answer.meaning(status, secrets)
    except Failed as failed:
        reason = failed.args[1]
        if not binding.sent:
            raise
    binding.tell("answer", {"status": status, "outcome": state, "reason": reason})
    if state == "bound":
        return binding.bound(token, status)
    good = binding.save(state, reason, status)
    from .trouble import after

    return after(binding, door, state, good)

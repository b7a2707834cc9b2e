"""What follows from a failure, a limit, or an answer that is no token: when to go on, and what to say."""

from .net.backoff import backoff_ms, retry_after_ms, server_backoff_ms


def retry_delay(binding, failed) -> "int | None":
    """Say what failed before the first byte; return after how long to try again, None to rest."""
    device = binding.device
    step, reason = failed.args[:2]
    if device.state == "unknown" and not binding.looking:
        from .record.load import load_record

        # Half a promise was written, and nothing was sent.
        binding.save("unbound", reason)
        load_record(binding)
    wait = None
    if len(failed.args) < 3:
        # Looking for a network loads no server: however long it is away, the pause stays short.
        tries = 0 if step == "link" else binding.tries - 1
        wait = backoff_ms(tries, int.from_bytes(binding.chip.random(2), "little"))
    if binding.link and step != "link" and (step == "dns" or reason == "timeout"):
        binding.link.down()  # a link that has an address and no traffic is joined anew
    if not binding.looking:
        device.reason = step + " " + reason
    binding.emit("failed", {"step": step, "reason": reason, "next_ms": wait or 0})
    device.print_line("%s: %s" % (step, reason))
    return wait


def report_limit(binding, wait: int, limit: str) -> None:
    """Say which limit leaves no room for another try, which would come after `wait`."""
    device = binding.device
    device.reason = device.reason or limit
    binding.emit("rest", {"reason": limit, "next_ms": wait})


def next_step(binding, transport, state: str, good: int) -> "int | None":
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
            int.from_bytes(binding.chip.random(2), "little"),
        )
        binding.emit("wait", {"next_ms": wait, "reason": "retry_after"})
    return wait


def token_not_stored(binding, good: int) -> None:
    """Say that what the cloud answered is not in every copy, or in none."""
    if good:
        binding.emit("warning", {"what": "one_copy"})
    else:
        binding.device.state = "unknown"
        binding.device.reason = "storage unwritten"
        binding.emit("failed", {"step": "storage", "reason": "unwritten", "next_ms": 0})

"""What a boot does when something is missing, fails, or is answered with anything but a token."""

from .identity import number


def lacking(binding) -> bool:
    """Tell, and say, whether settings are missing without which nothing can be asked."""
    device = binding.device
    names = _missing(binding)
    if names:
        unprovisioned(device, names)
        if binding.record and binding.record.state == "unknown":
            device.state = "unknown"  # and stays so: what is missing only keeps it from looking
            device.reason = "cannot_look"
    elif binding.who.damaged:
        binding.tell("warning", {"what": "damaged " + " ".join(binding.who.damaged)})
    return bool(names)


def _missing(binding) -> list:
    """Return the names of settings that are missing, or that do not fit."""
    who = binding.who
    names = [name for name in who.damaged if name.startswith("tls.")]
    if not binding.cloud:
        names.append("claim.cloud")
    else:
        names += [name for name in binding.cloud.NEEDED if not who.text(name)]
    url = who.base_url
    if url.startswith("http:"):
        if number(who, "set.insecure_http", 0) != 1:
            names.append("set.insecure_http")
    elif not url.startswith("https:"):
        names.append("claim.base_url")
    elif not binding.roots:
        names.append("tls.ca0")
    mac = who.text("factory.mac").lower()
    for char in ":-. ":
        mac = mac.replace(char, "")
    if mac not in ("", who.mac.hex()):
        names.append("factory.mac")  # this flash was made for another chip
    return names


def unprovisioned(device, names: list) -> None:
    """Say which settings are missing; damaged ones are among those that are damaged as well."""
    device.state = "unprovisioned"
    device.reason = "missing " + names[0]
    device.tell("unprovisioned", {"missing": names, "damaged": device.identity.damaged})


def again_after(binding, failed) -> "int | None":
    """Say what failed before the first byte; return after how long to try again, None to rest."""
    device = binding.device
    step, reason = failed.args[:2]
    if device.state == "unknown" and not binding.looking:
        from .resume import load

        # Half a promise was written, and nothing was sent.
        binding.save("unbound", reason)
        load(binding)
    wait = None
    if len(failed.args) < 3:
        # Looking for a network loads no server: however long it is away, the pause stays short.
        tries = 0 if step == "link" else binding.tries - 1
        wait = pause(tries, int.from_bytes(binding.chip.random(2), "little"))
    if binding.link and step != "link" and (step == "dns" or reason == "timeout"):
        binding.link.down()  # a link that has an address and no traffic is joined anew
    if not binding.looking:
        device.reason = step + " " + reason
    binding.tell("failed", {"step": step, "reason": reason, "next_ms": wait or 0})
    device.say("%s: %s" % (step, reason))
    return wait


def rest(binding, wait: int, spent: str) -> None:
    """Say which limit leaves no room for another try, which would come after `wait`."""
    device = binding.device
    device.reason = device.reason or spent
    binding.tell("rest", {"reason": spent, "next_ms": wait})


def after(binding, door, state: str, good: int) -> "int | None":
    """Return after how long to ask again, or to look, when the answer was no token.

    `good` is how many copies of the record hold the answer: without one, it is as if there were
    none.
    """
    if not good:
        unkept(binding, 0)
        return None
    wait = 0 if state == "unknown" else None
    if state == "unbound" or (wait is not None and door.retry_after):
        wait = put_off(
            retry_after(door.retry_after, binding.chip.unix()),
            binding.requests - 1,
            int.from_bytes(binding.chip.random(2), "little"),
        )
        binding.tell("wait", {"next_ms": wait, "reason": "retry_after"})
    return wait


def unkept(binding, good: int) -> None:
    """Say that what the cloud answered is not in every copy, or in none."""
    if good:
        binding.tell("warning", {"what": "one_copy"})
    else:
        binding.device.state = "unknown"
        binding.device.reason = "storage unwritten"
        binding.tell("failed", {"step": "storage", "reason": "unwritten", "next_ms": 0})


def pause(tries: int, chance: int) -> int:
    """Return milliseconds to wait after the `tries`-th failure in a row (from 0).

    Exponential with full jitter: `chance`, 0 to 65535, picks from 0 to a limit that doubles from
    2 s to 32 s, so that a million devices after one power failure do not come back as one.
    """
    return (2000 << min(tries, 4)) * chance >> 16


def put_off(floor: int, tries: int, chance: int) -> int:
    """Return milliseconds to wait after the `tries`-th answer in a row (from 0) that put us off.

    The server's `floor` stands, and so does our own, which doubles from 1 s to 32 s; `chance`, 0
    to 65535, adds up to as long again, so that all who were sent away do not come back as one.
    """
    least = max(floor, 1000 << min(tries, 5))
    return least + (least * chance >> 16)


def retry_after(value: bytes, now: int) -> int:
    """Return milliseconds to wait by a Retry-After header in lower case: seconds, or a date.

    `now` is Unix time. At least 1 s, at most an hour; 30 s for what cannot be read.
    """
    from .dates import of_header

    try:
        seconds = int(value) if value.isdigit() else of_header(value) - now
    except (ValueError, IndexError):
        seconds = 30
    return min(max(seconds, 1), 3600) * 1000

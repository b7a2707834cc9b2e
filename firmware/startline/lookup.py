"""Looking instead of repeating: how `unknown` is resolved without sending the request again.

An entry with our attempt id is ours. Only two complete looks without one, far enough apart and
the second behind the request's deadline, prove that there is none; and a look in which an entry
could not be compared proves nothing.
"""

from .net import StepFailed
from .net.device_list import DeviceSearch, ListPages, ListReader, first_request
from .net.http_guard import GuardedTransport, exchange

if False:  # for mypy; a device has none of these
    from collections.abc import Callable
    from typing import Any

    from agent_types import Ask, Binding, Cloud, Fill, Identity, JsonValue


def lookup(binding: "Binding") -> "int | None":
    """Look once; return after how many milliseconds to go on, None to rest. Raises StepFailed."""
    chip = binding.chip
    record = binding.record
    binding.online()
    began = chip.unix()
    try:
        state, token, reason, where = _outcome(binding)
    except MemoryError:
        raise StepFailed("answer", "no_memory")
    if state == "unbound" and record.key != binding.key:
        state, reason = "unknown", "other_key"  # its list proves nothing of the request's company
    entry, token_there = where if state == "unknown" else (0, "")
    binding.emit(
        "look", {"outcome": state, "reason": reason, "entry": entry, "deviceid": token_there}
    )
    if state == "bound":
        return binding.bound(token)  # type: ignore[func-returns-value] # None: to rest
    if state == "unknown":
        record.looks = 0  # clean looks count one after the other
        binding.save(state, reason)
        return None
    pause = binding.look_pause
    if not record.looks or began < record.looked:  # the first, or a clock that went back
        record.looks = 1
        record.looked = began = chip.unix()
        binding.save("unknown", record.reason)
    # Clocks jump, a boot's own time does not. Who looked first in this run has slept the pause since;
    # if it was an earlier one, as much of the pause has to pass in this as it has room for, beside
    # 30 s to join and to ask.
    wait = max(
        (max(record.looked + pause, record.due) - began) * 1000,
        min(pause * 1000, binding.limit - 30000) - chip.since(binding.start),
    )
    if wait > 0:
        return wait + 1000
    record.looks = 0
    binding.save("unbound", "not_there")
    return 0


def _outcome(binding: "Binding") -> tuple[str, str, str, tuple[int, str]]:
    """Return (state, token, reason, which entry is the reason). Raises StepFailed."""
    chip = binding.chip
    identity = binding.identity
    cloud = binding.cloud
    record = binding.record
    limit = min(60000, binding.left())
    start = chip.ms()
    dates: list[bytes] = []

    def ask(
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        read_body: "Callable[[Fill], None]",
    ) -> "tuple[int, Any]":
        left = limit - chip.since(start)
        transport = GuardedTransport(chip, binding.link.sockets, binding.roots, left, lambda: None)
        result = exchange(transport, method, identity.base_url + path, headers, body, read_body)
        dates[:] = [transport.date]
        return result

    mark = "sl." + record.attempt.hex()
    if hasattr(cloud, "lookup"):
        state, token, reason = cloud.lookup(ask, identity, mark)
        return state, token, reason, (0, "")
    first = first_request(binding.made_at, record.due)
    search = DeviceSearch(cloud, identity.serial, mark, first)
    if not _read_list(ask, cloud, identity, search):
        return "unknown", "", "cannot_look", (0, "")
    binding.emit("warning", {"what": "read_write_key"})  # and so can whoever holds the reader
    if search.aged:
        from .net.clock import same_time

        if not same_time(chip.unix(), dates[0]):
            search.against(1, search.aged)
    state, token, reason = search.verdict()
    return state, token, reason, search.where


def _read_list(ask: "Ask", cloud: "Cloud", identity: "Identity", search: DeviceSearch) -> bool:
    """Read a list to its end; tell whether the key may. Raises StepFailed where it is not whole."""

    def read_body(fill: "Fill") -> None:
        got = fill(piece)
        while got:
            reader.feed(piece[:got])
            got = fill(piece)

    def entry(fields: "dict[bytes, JsonValue]") -> None:
        search.entry(fields)
        tokens.append(fields.get(told[1]))
        del tokens[1:-1]  # the first and the last of a page are all that is asked for

    told = cloud.LIST
    piece = bytearray(256)
    headers = cloud.request(identity, "")[1]
    pages = ListPages()
    for page in range(1, 1000):
        tokens: list[JsonValue] = []
        count = search.number
        reader = ListReader(told[1:5], entry, told[5:])
        status, _ = ask("GET", told[0] % page, headers, b"", read_body)
        if status in (401, 403):
            return False
        if status != 200 or not (reader.closed and reader.listed):
            raise StepFailed("answer", "status %d" % status)
        try:
            if not pages.more(tokens, search.number - count, reader.total):
                return True
        except ValueError as error:
            raise StepFailed("answer", error.args[0])
    raise StepFailed("answer", "list_endless")

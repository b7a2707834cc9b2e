"""Looking instead of repeating: how `unknown` is resolved without sending the request again.

An entry with our attempt id is ours. Only two complete looks without one, far enough apart and
the second behind the request's deadline, prove that there is none.
"""

from .errors import Failed
from .guard import Door, exchange
from .scan import Scanner


def look(binding) -> "int | None":
    """Look once; return after how many milliseconds to go on, None to rest. Raises Failed."""
    chip = binding.chip
    record = binding.record
    who = binding.who
    cloud = binding.cloud
    binding.online()
    limit = min(60000, binding.left())
    start = chip.ms()
    began = chip.unix()

    def ask(method: str, path: str, headers: dict, body: bytes, take) -> tuple:
        left = limit - chip.since(start)
        door = Door(chip, binding.link.sockets, binding.roots, left, lambda: None)
        return exchange(door, method, who.base_url + path, headers, body, take)

    mark = "sl." + record.attempt.hex()
    if hasattr(cloud, "look"):
        state, token, reason = cloud.look(ask, who, mark)
    else:
        state, token, reason = _read_list(ask, cloud, who, mark)
        if reason != "cannot_look":  # and so can whoever holds the reader
            binding.tell("warning", {"what": "read_write_key"})
    if state == "unbound" and record.key != binding.key:
        state, reason = "unknown", "other_key"  # its list proves nothing of the request's company
    binding.tell("look", {"outcome": state, "reason": reason})
    if state == "bound":
        return binding.bound(token)
    if state == "unknown":
        binding.save(state, reason)
        return None
    pause = binding.look_pause
    if record.looks and began >= max(record.looked + pause, record.due):
        record.looks = 0
        binding.save("unbound", "not_there")
        return 0
    now = chip.unix()
    if not record.looks or now < record.looked:  # the first, or a clock that went back
        record.looks = 1
        record.looked = now
        binding.save("unknown", record.reason)
    return (max(record.looked + pause, record.due) - now + 1) * 1000


class Search:
    """What has been seen of a cloud's list, where `mark` is what our request left there."""

    def __init__(self, cloud, identity, mark: str) -> None:
        self.token = self.reason = self.last = ""
        self.count = 0
        self.cloud = cloud
        self.serial = identity.serial.strip().lower()
        self.mark = mark

    def entry(self, fields: dict) -> None:
        """Take one entry. Raises ValueError if ours has no fit token."""
        token, mark, serial = [fields.get(name, "") for name in self.cloud.LIST[1:]]
        self.count += 1
        self.last = token
        if self.mark in mark:
            if not self.cloud.fit(token):
                raise ValueError
            if self.token and self.token != token:
                self.reason = "doubled"
            self.token = token
        elif serial.strip().lower() == self.serial and not self.reason:
            self.reason = "serial_taken"

    def verdict(self) -> tuple:
        """Return (state, token, reason): unbound is that there is nothing of this device."""
        if self.token and self.reason != "doubled":
            return "bound", self.token, self.reason
        return "unknown" if self.reason else "unbound", "", self.reason


def _read_list(ask, cloud, identity, mark: str) -> tuple:
    """Read a list to its end. Raises Failed unless every page was read and every JSON closed."""

    def take(fill) -> None:
        got = fill(piece)
        while got:
            scanner.feed(piece[:got])
            got = fill(piece)

    piece = bytearray(256)
    search = Search(cloud, identity, mark)
    headers = cloud.request(identity, "")[1]
    before = None
    for page in range(1, 1000):
        search.count = 0
        scanner = Scanner(cloud.LIST[1:], search.entry)
        status, _ = ask("GET", cloud.LIST[0] % page, headers, b"", take)
        if status in (401, 403):
            return "unknown", "", "cannot_look"
        if status != 200 or not (scanner.closed and scanner.listed):
            raise Failed("answer", "status %d" % status)
        seen = (search.count, search.last)
        if not search.count or seen == before:  # behind the end, or a cloud without pages
            break
        before = seen
    return search.verdict()

"""Sending a batch, and what its answer means.

`sent` is written only when the cloud has counted as many as went out. Without a counted answer the
range is unsure: where the key reads, it is looked up, and only what lacks is sent; where it does
not, the same bytes go out again, and the cloud's protection against doubles decides.
"""

from startline.net import StepFailed
from startline_online.utc_text import timestamp

from .batch import passings_of
from .journal_format import REFUSED, TOO_LARGE, UNCOUNTED, UNDATED
from .progress import MOST_ASIDE
from .session_steps import rescue
from .time_points import points_of

if False:  # for mypy; a device has none of these
    from collections.abc import Generator, Iterator
    from typing import Any

    from agent_types import Before, Fields, Passing, Sender

    from .batch import Batch


def send_batch(sender: "Sender", batch: "Batch") -> "Generator[int, None, int]":
    """Send a batch; its value is how long to wait before the next. Raises StepFailed, JournalFull."""
    progress = sender.progress
    if len(progress.aside) >= MOST_ASIDE:
        raise StepFailed("stop", "too_many_aside")
    if not (yield from _date(sender, batch)):
        return 200
    yield from sender.online()
    if progress.unsure:
        # It may have been sent before power went, which nothing in the journal says so far.
        progress.doubt(max(progress.frozen, batch.before))
    unsure = progress.unsure and not sender.cannot_look
    left = yield from lacking(sender, batch, unsure)
    if unsure and left and not sender.looked:
        sender.looked = True  # what was sent may still come: look again
        return sender.settings.look_pause
    if not left:
        _done(sender, batch, 0)
        return 0
    return (yield from _post(sender, batch, left))


def lacking(sender: "Sender", batch: "Batch", unsure: bool) -> "Generator[int, None, int]":
    """Have a batch skip what is at the cloud; the value is how many passings of it are not.

    Where it is unsure it is looked up. Raises StepFailed.
    """
    progress = sender.progress
    if unsure:
        yield from _look_up(sender, batch)
    if not (sender.present or progress.there):
        batch.skip = ()
        return batch.count
    numbers = range(batch.first, batch.before)
    batch.skip = [one for one in numbers if one in sender.present or progress.is_there(one)]
    # Not all that is there need be in the journal still: what is left is counted.
    left = 0
    for _ in passings_of(sender.journal, batch):
        left += 1
    return left


def _post(sender: "Sender", batch: "Batch", left: int) -> "Generator[int, None, int]":
    """Send the `left` passings of a batch that the cloud lacks."""
    progress = sender.progress

    def before() -> None:
        if batch.map and batch.map is not progress.map:
            progress.use_map(batch.map)
        progress.freeze(batch.before)

    try:
        status, fields = yield from exchange(sender, batch, left, before)
    except StepFailed as failed:
        if sender.connection.spoke and failed.args[1] != "status 429":
            progress.doubt(batch.before)
            sender.looked = False
        raise
    return _judge(sender, batch, left, status, fields)


def exchange(
    sender: "Sender", batch: "Batch", left: int, before: "Before"
) -> "Generator[int, None, tuple[int, Fields]]":
    """Send the `left` passings of a batch; the value is (status, fields). Raises StepFailed."""
    request, opening, closing = sender.cloud.send_passings(sender.progress.session.token)  # type: ignore[union-attr] # it is open
    length = len(opening) + len(closing) + left - 1
    for passing in passings_of(sender.journal, batch):
        length += len(_text(sender, passing).encode())
        if not passing.number & 7:
            yield 0
    pieces = _pieces(sender, batch, opening, closing)
    return (yield from sender.exchange(request, length, pieces, before))


def _judge(sender: "Sender", batch: "Batch", left: int, status: int, fields: "Fields") -> int:
    """Go by the answer; return how long to wait."""
    if 200 <= status < 300:
        counts = sender.cloud.counted(fields)
        if counts and sum(counts) == left:
            _done(sender, batch, counts[0])
            return 0
        sender.progress.doubt(batch.before)
        sender.emit("race_warning", {"what": "not_counted", "sent": left, "counted": counts})
        sender.mismatches += 1
        if sender.mismatches >= 3:
            sender.mismatches = 0
            _halve(sender, batch, UNCOUNTED, status)
        return 2000
    said = sender.words(fields)
    if sender.cloud.is_gone(status, said) or (status == 404 and fields):
        sender.progress.note_there(batch.skip)  # no look into another session finds these
        rescue(sender, sender.progress.session)  # type: ignore[arg-type] # it is open
    elif status == 404:
        raise StepFailed("answer", "status 404")
    elif status == 413:
        sender.settings.batch = max(1, batch.count // 2)
        _halve(sender, batch, TOO_LARGE, status)
    else:
        sender.emit("race_warning", {"what": "refused", "reason": said})
        _halve(sender, batch, REFUSED, status)
    return 0


def _done(sender: "Sender", batch: "Batch", stored: int) -> None:
    """Note that a batch is at the cloud, `stored` of it by this request."""
    gaps = batch.before - batch.first - batch.count
    if gaps:
        sender.note_missing(batch.first, batch.before, gaps)
    sender.progress.sent(batch.before, stored, batch.count - stored)
    sender.mismatches = 0
    sender.looked = sender.rescued = False
    sender.present = ()
    sender.limit = min(sender.limit * 2, sender.settings.batch)


def _halve(sender: "Sender", batch: "Batch", why: int, status: int) -> None:
    """Find the passing that is refused by sending fewer; set it aside when it is alone."""
    if batch.count > 1:
        sender.limit = batch.count // 2
        return
    sender.limit = sender.settings.batch
    sender.present = ()
    _set_aside(sender, batch, why, {"status": status})


def _set_aside(sender: "Sender", batch: "Batch", why: int, told: "dict[str, Any]") -> None:
    last = batch.before - 1
    sender.progress.set_aside(batch.first, last, why, told.get("status", 0))
    told["first"] = batch.first
    told["last"] = last
    sender.emit("race_aside", told)


def _date(sender: "Sender", batch: "Batch") -> "Generator[int, None, bool]":
    """Give a batch its map; tell whether it can be sent. A boot that had no time is set aside."""
    progress = sender.progress
    keeper = sender.keeper
    if not batch.needs_map:
        return True
    if batch.before <= progress.frozen and progress.map and progress.map.boot == batch.boot:
        batch.map = progress.map  # what it was frozen by
        return True
    points = yield from points_of(keeper, sender.journal, batch.boot, batch.first)
    if points:
        batch.map = keeper.map_for(batch.boot, points, batch.first_us, batch.last_us, progress.map)
        return True
    if batch.boot == sender.journal.boot:
        sender.reason = "no_time"
    else:
        _set_aside(sender, batch, UNDATED, {"reason": "undated"})
    return False


def _look_up(sender: "Sender", batch: "Batch") -> "Generator[int, None, None]":
    """Look which numbers of an unsure batch are at the cloud: `present` of the sender."""
    base = sender.progress.session.base - 1  # type: ignore[union-attr] # it is open
    name = sender.cloud.PASSING_NUMBER
    first, last = batch.first, batch.before - 1
    sender.present = ()  # until all of the list was read
    found: list[int] = []

    def one(fields: "Fields") -> None:
        # ValueError for what is no number: a list that cannot be read proves nothing.
        number = int(fields.get(name) or "") + base
        if first <= number <= last and number not in found:
            found.append(number)

    request = sender.cloud.list_passings(sender.progress.session.token, first - base, last - base)  # type: ignore[union-attr]
    if (yield from sender.look(request, (name,), one)):
        sender.present = found
        sender.emit("race_lookup", {"first": first, "last": last, "there": len(found)})
    else:
        sender.looked = True  # there is no looking again: to send them again will tell


def _text(sender: "Sender", passing: "Passing") -> str:
    number = passing.number - sender.progress.session.base + 1  # type: ignore[union-attr] # it is open
    return sender.cloud.passing(number, passing, timestamp(passing.utc_ms))  # type: ignore[arg-type] # set by now


def _pieces(
    sender: "Sender", batch: "Batch", opening: str, closing: str
) -> "Iterator[memoryview]":
    """Yield the body, up to a kilobyte at a time, out of one buffer: no long text is ever made."""
    piece = memoryview(sender.piece)
    end = 0
    for part in _parts(sender, batch, opening, closing):
        raw = part.encode()
        if end + len(raw) > len(piece):
            yield piece[:end]
            end = 0
        piece[end : end + len(raw)] = raw
        end += len(raw)
    yield piece[:end]


def _parts(sender: "Sender", batch: "Batch", opening: str, closing: str) -> "Iterator[str]":
    yield opening
    comma = ""
    for passing in passings_of(sender.journal, batch):
        yield comma + _text(sender, passing)
        comma = ","
    yield closing

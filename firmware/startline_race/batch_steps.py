"""Sending a batch, and what its answer means.

`sent` is written only when the cloud has counted as many as went out. Without a counted answer the
range is unsure: where the key reads, it is looked up, and only what lacks is sent; where it does
not, the same bytes go out again, and the cloud's protection against doubles decides.
"""

import time

from startline.device_list import ListReader
from startline.errors import Failed

from .batch import passings_of
from .session_steps import rescue

_PIECE = 1024  # bytes that are collected before they go out
_REFUSED, _UNDATED, _UNCOUNTED, _TOO_LARGE = range(4)  # indexes in ASIDE_REASONS
_EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0
_MOST_ASIDE = 16


def send(sender, batch):
    """Send a batch; its value is how long to wait before the next. Raises Failed, JournalFull."""
    progress = sender.progress
    if len(progress.aside) >= _MOST_ASIDE:
        sender.stop("too_many_aside")
        return 0
    if batch.first > progress.cursor:
        _report_missing(sender, progress.cursor, batch.first)
    if not (yield from _date(sender, batch)):
        return 200
    yield from sender.online()
    if progress.unsure:
        batch.skip = yield from _look_up(sender, batch)
        if batch.skip is None:
            return sender.settings.look_pause
        sender.present = batch.skip
    elif sender.present:
        batch.skip = sender.present
    left = batch.count - len([number for number in batch.skip if number < batch.before])
    if left <= 0:
        _done(sender, batch, 0, batch.count)
        return 0
    return (yield from _post(sender, batch, left))


def _post(sender, batch, left: int):
    """Send the `left` passings of a batch that the cloud lacks."""
    progress = sender.progress

    def before() -> None:
        if batch.map and batch.map is not progress.map:
            progress.use_map(batch.map)
        progress.freeze(batch.before)

    request, opening, closing = sender.cloud.send_passings(progress.session.token)
    length = len(opening) + len(closing) + left - 1
    for passing in passings_of(sender.journal, batch):
        length += len(_text(sender, passing).encode())
        if not passing.number & 15:
            yield 0
    pieces = _pieces(sender, batch, opening, closing)
    try:
        status, fields = yield from sender.exchange(request, length, pieces, before)
    except Failed as failed:
        if sender.connection.spoke and failed.args[1] != "status 429":
            progress.doubt(batch.before)
            sender.looked = 0
        raise
    return _judge(sender, batch, left, status, fields)


def _judge(sender, batch, left: int, status: int, fields: dict) -> int:
    """Go by the answer; return how long to wait."""
    counts = sender.cloud.counted(fields) if 200 <= status < 300 else None
    if counts and sum(counts) == left:
        _done(sender, batch, counts[0], batch.count - counts[0])
    elif 200 <= status < 300:
        sender.progress.doubt(batch.before)
        sender.tell("race_warning", {"what": "not_counted", "sent": left, "counted": counts})
        sender.mismatches += 1
        if sender.mismatches >= 3:
            sender.mismatches = 0
            _halve(sender, batch, _UNCOUNTED, status)
        return 2000
    elif status in (401, 403):
        sender.stop("forbidden")
    elif sender.cloud.is_gone(status, sender.words(fields)) or (status == 404 and fields):
        rescue(sender, sender.progress.session)
    elif status == 404:
        raise Failed("answer", "status 404")
    elif status == 413:
        sender.settings.batch = max(1, batch.count // 2)
        _halve(sender, batch, _TOO_LARGE, status)
    else:
        sender.tell("race_warning", {"what": "refused", "reason": sender.words(fields)})
        _halve(sender, batch, _REFUSED, status)
    return 0


def _done(sender, batch, stored: int, known: int) -> None:
    progress = sender.progress
    gaps = batch.before - batch.first - batch.count
    if gaps:
        _report_missing(sender, batch.first, batch.before, gaps)
    progress.sent(batch.before, stored, known)
    sender.mismatches = sender.looked = 0
    sender.rescued = False
    sender.present = ()
    if sender.limit < sender.settings.batch:
        sender.limit = min(sender.limit * 2, sender.settings.batch)


def _halve(sender, batch, why: int, status: int) -> None:
    """Find the passing that is refused by sending fewer; set it aside when it is alone."""
    if batch.count > 1:
        sender.limit = batch.count // 2
        return
    sender.progress.set_aside(batch.first, batch.before - 1, why, status)
    sender.limit = sender.settings.batch
    sender.present = ()
    sender.tell("race_aside", {"first": batch.first, "last": batch.before - 1, "status": status})


def _report_missing(sender, first: int, before: int, count: int = 0) -> None:
    """Say that a damaged sector has lost numbers: `count` of a range, or all of it."""
    sender.progress.missing += count or before - first
    sender.tell(
        "race_damaged", {"first": first, "last": before - 1, "missing": count or before - first}
    )


def _date(sender, batch):
    """Give a batch its map; tell whether it can be sent. A boot that had no time is set aside."""
    progress = sender.progress
    keeper = sender.keeper
    if not batch.needs_map:
        return True
    if batch.before <= progress.frozen and progress.map and progress.map.boot == batch.boot:
        batch.map = progress.map  # what it was frozen by
        return True
    points = yield from keeper.points_of(batch.boot, batch.first)
    if points:
        batch.map = keeper.map_for(batch.boot, points, batch.first_us, batch.last_us, progress.map)
        return True
    if batch.boot == sender.journal.boot:
        sender.reason = "no_time"
        return False
    progress.set_aside(batch.first, batch.before - 1, _UNDATED)
    sender.tell(
        "race_aside", {"first": batch.first, "last": batch.before - 1, "reason": "undated"}
    )
    return False


def _look_up(sender, batch):
    """Look which numbers of an unsure batch are at the cloud.

    Its value is a list of them; [] where the key does not read; None for a look that found some
    missing, after which there has to be another one before any is sent again.
    """
    if sender.cannot_look:
        return ()
    progress = sender.progress
    base = progress.session.base - 1
    name = sender.cloud.PASSING_NUMBER
    found = []

    def one(fields: dict) -> None:
        number = int(fields[name]) + base
        if number not in found:
            found.append(number)

    reader = ListReader((name,), one)
    request = sender.cloud.list_passings(
        progress.session.token, batch.first - base, batch.before - 1 - base
    )
    status, _ = yield from sender.call(
        request, b"", _nothing, lambda data: reader.feed(bytes(data))
    )
    if status in (401, 403):
        sender.cannot_look = True
        return ()
    if status != 200 or not (reader.closed and reader.listed):
        if status == 404:
            return ()  # to send them again will say so, too
        raise Failed("answer", "status %d" % status)
    sender.tell(
        "race_lookup", {"first": batch.first, "last": batch.before - 1, "there": len(found)}
    )
    if len(found) < batch.count and not sender.looked:
        sender.looked = 1
        return None
    return found


def _text(sender, passing) -> str:
    number = passing.number - sender.progress.session.base + 1
    return sender.cloud.passing(number, passing, timestamp(passing.utc_ms))


def _pieces(sender, batch, opening: str, closing: str):
    """Yield the body, about a kilobyte at a time."""
    piece = opening
    comma = ""
    for passing in passings_of(sender.journal, batch):
        piece += comma + _text(sender, passing)
        comma = ","
        if len(piece) > _PIECE:
            yield piece.encode()
            piece = ""
    yield (piece + closing).encode()


def timestamp(utc_ms: int) -> str:
    """Return Unix time in milliseconds as `2026-11-21T10:00:00.123Z`."""
    now = time.gmtime(utc_ms // 1000 - _EPOCH)
    return "%04d-%02d-%02dT%02d:%02d:%02d" % now[:6] + ".%03dZ" % (utc_ms % 1000)


def _nothing() -> None:
    """Do nothing before the first byte: what is asked may be asked again."""

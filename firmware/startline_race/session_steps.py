"""Opening and closing sessions in the cloud, one after the other, and never over an unsent backlog.

A second session closes the first, and creating one is as ambiguous as binding: so `asked` is in
the journal before the first byte, and a lost answer is looked up where the key reads. Where it
does not, a second session is opened, and only an empty one is left behind.
"""

from binascii import hexlify

from startline.device_list import ListReader
from startline.errors import Failed

from .journal_format import ASKED, CLOSED, CLOSING, LONGEST_ALIAS, OPEN, WANTED, Session

_REST = " (rest)"


def begin_next(sender, backlog) -> bool:
    """Take up the session that comes next, if there is one; it is opened in the cloud later."""
    progress = sender.progress
    found = backlog.next
    last = progress.session.ordinal if progress.session else 0
    lost = backlog.ordinal  # where the wish for it is damaged, its passings still name it
    wanted = progress.wanted.ordinal if progress.wanted else 0
    if last < lost <= wanted and (not found or found.ordinal > lost):
        found = Session()
        found.ordinal = lost
        found.first = found.base = progress.cursor
        found.mark = sender.chip.random(4)
        found.alias = "session %d" % lost
        sender.tell("race_session", {"state": "recovered", "alias": found.alias})
    if not found:
        return False
    progress.session = found
    return True


def cloud_alias(sender, session) -> str:
    """Return what a session is called in the cloud: with a mark, unless that is switched off."""
    if not sender.settings.mark:
        return session.alias
    return "%s sl.%s" % (session.alias, str(hexlify(session.mark), "ascii"))


def open_session(sender, session):
    """Have a session opened in the cloud. Raises Failed, JournalFull."""
    progress = sender.progress
    if session.state == ASKED:
        token = yield from _look(sender, session)
        if token:
            session.token = token
            progress.save_session(session, OPEN)
            _show(sender, session, "found")
            return
        progress.empty += 1
        sender.tell("race_session", {"state": "asked_again", "alias": session.alias})
    alias = cloud_alias(sender, session)
    request, body = sender.cloud.open_session(sender.core.device.token, alias)

    def before() -> None:
        if session.state == WANTED:
            progress.save_session(session, ASKED)

    status, fields = yield from sender.call(request, body, before)
    token = sender.cloud.session_token(fields) if status in (200, 201) else ""
    if token:
        session.token = token
        progress.save_session(session, OPEN)
        _show(sender, session, "open")
    elif status in (401, 403):
        sender.stop("forbidden")
    elif status == 404:
        sender.stop("device_not_found")
    elif 400 <= status < 500:
        sender.stop("session_refused " + sender.words(fields))
    else:
        raise Failed("answer", "no_token")


def close_session(sender, session):
    """Have a session closed in the cloud; to do so again changes nothing. Raises Failed."""
    progress = sender.progress
    if session.state != CLOSING:
        progress.save_session(session, CLOSING)
    request = sender.cloud.close_session(session.token)
    status, fields = yield from sender.call(request, b"", _nothing)
    if status in (401, 403):
        sender.stop("forbidden")
        return
    if not 200 <= status < 300:  # it is not there any more
        sender.tell("race_session", {"state": "gone", "reason": sender.words(fields)})
    progress.save_session(session, CLOSED)
    sender.rescued = False
    _show(sender, session, "closed")


def rescue(sender, session) -> None:
    """Go on in a session for the rest, as somebody else has closed this one.

    Its passings keep their numbers. It happens again only where the last one took something, so
    that a cloud which refuses every session is not filled with them.
    """
    if sender.rescued:
        sender.stop("closed_again")
        return
    rest = Session()
    rest.ordinal = session.ordinal
    rest.first = sender.progress.cursor
    rest.base = session.base
    rest.rescue = True
    rest.mark = sender.chip.random(4)
    alias = session.alias
    if not session.rescue:
        while len((alias + _REST).encode()) > LONGEST_ALIAS + len(_REST):
            alias = alias[:-1]
        alias += _REST
    rest.alias = alias
    sender.progress.session = rest
    sender.rescued = True
    sender.tell("race_session", {"state": "closed_elsewhere", "alias": alias})


def _look(sender, session):
    """Look whether a session with our mark was opened; its value is its token, or ""."""
    if sender.cannot_look or not sender.settings.mark:
        return ""
    found = []
    mark = "sl." + str(hexlify(session.mark), "ascii")
    names = sender.cloud.SESSION_FIELDS

    def one(fields: dict) -> None:
        alias = fields.get(names[1])
        if isinstance(alias, str) and mark in alias:
            found.append(sender.cloud.session_token(fields))

    reader = ListReader(names, one)
    request = sender.cloud.list_sessions(sender.core.device.token)
    status, _ = yield from sender.call(
        request, b"", _nothing, lambda data: reader.feed(bytes(data))
    )
    if status in (401, 403):
        sender.cannot_look = True
    elif status == 404:
        pass  # this device has no session at all
    elif status != 200 or not (reader.closed and reader.listed):
        raise Failed("answer", "status %d" % status)
    return found[-1] if found else ""


def _show(sender, session, state: str) -> None:
    told = {"state": state, "alias": session.alias, "token": session.token}
    sender.tell("race_session", told)


def _nothing() -> None:
    """Do nothing before the first byte: what is asked may be asked again."""

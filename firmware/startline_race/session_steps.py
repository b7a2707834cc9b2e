"""Opening and closing sessions in the cloud, one after the other, and never over an unsent backlog.

A second session closes the first, and creating one is as ambiguous as binding: so `asked` is in
the journal before the first byte, and a lost answer is looked up where the key reads. Where it
does not, a second session is opened, and only an empty one is left behind.
"""

from binascii import hexlify

from startline.net import StepFailed

from .journal_format import ASKED, CLOSED, CLOSING, LONGEST_ALIAS, OPEN, WANTED, Session

if False:  # for mypy; a device has none of these
    from collections.abc import Generator

    from agent_types import Fields, Sender

    from .batch import Backlog

_REST = " (rest)"


def begin_next(sender: "Sender", backlog: "Backlog") -> bool:
    """Take up the session that comes next, if there is one; it is opened in the cloud later."""
    progress = sender.progress
    found = backlog.next
    last = progress.session.ordinal if progress.session else 0
    lost = backlog.ordinal  # where the wish for it is damaged, its passings still name it
    wanted = progress.wanted.ordinal if progress.wanted else 0
    if last < lost <= wanted and (not found or found.ordinal > lost):
        found = _new_session(sender, lost, progress.cursor, "session %d" % lost)
        _report(sender, "recovered", found)
    if found:
        progress.session = found
    return bool(found)


def _new_session(sender: "Sender", ordinal: int, base: int, alias: str) -> Session:
    return Session(ordinal, sender.progress.cursor, base, sender.chip.random(4), alias)


def open_session(sender: "Sender", session: Session) -> "Generator[int, None, None]":
    """Have a session opened in the cloud. Raises StepFailed, JournalFull."""
    progress = sender.progress
    mark = " sl." + str(hexlify(session.mark), "ascii") if sender.settings.mark else ""
    state = "open"
    token = ""
    if session.state == ASKED:
        if mark:
            token = yield from _find_session(sender, mark)
        if token:
            state = "found"
        else:
            progress.empty += 1
            _report(sender, "asked_again", session)
    if not token:
        request, body = sender.cloud.open_session(sender.core.device.token, session.alias + mark)

        def before() -> None:
            if session.state == WANTED:
                progress.save_session(session, ASKED)

        status, fields = yield from sender.call(request, body, before)
        if status == 404:
            raise StepFailed("stop", "device_not_found")
        if 400 <= status < 500:
            raise StepFailed("stop", "session_refused " + sender.words(fields))
        token = sender.cloud.session_token(fields)
        if not token:
            raise StepFailed("answer", "no_token")
    session.token = token
    progress.save_session(session, OPEN)
    _report(sender, state, session)


def close_session(sender: "Sender", session: Session) -> "Generator[int, None, None]":
    """Have a session closed in the cloud; to do so again changes nothing. Raises StepFailed."""
    progress = sender.progress
    if session.state != CLOSING:
        progress.save_session(session, CLOSING)
    request = sender.cloud.close_session(session.token)
    status, _ = yield from sender.call(request)
    progress.save_session(session, CLOSED)
    sender.rescued = False
    # Any other answer says that it is not there any more.
    _report(sender, "closed" if 200 <= status < 300 else "gone", session)


def rescue(sender: "Sender", session: Session) -> None:
    """Go on in a session for the rest, as somebody else has closed this one. Raises StepFailed.

    Its passings keep their numbers. It happens again only where the last one took something, so
    that a cloud which refuses every session is not filled with them.
    """
    if sender.rescued:
        raise StepFailed("stop", "closed_again")
    alias = session.alias
    if not session.rescue:
        while len(alias.encode()) > LONGEST_ALIAS:
            alias = alias[:-1]
        alias += _REST
    rest = _new_session(sender, session.ordinal, session.base, alias)
    rest.rescue = sender.rescued = True
    sender.progress.session = rest
    _report(sender, "closed_elsewhere", rest)


def _find_session(sender: "Sender", mark: str) -> "Generator[int, None, str]":
    """Look whether a session with our mark was opened; its value is its token, or ""."""
    found = [""]
    names = sender.cloud.SESSION_FIELDS

    def one(fields: "Fields") -> None:
        alias = fields.get(names[1])
        if isinstance(alias, str) and alias.endswith(mark):
            found.append(sender.cloud.session_token(fields) or found[-1])

    yield from sender.look(sender.cloud.list_sessions(sender.core.device.token), names, one)
    return found[-1]


def _report(sender: "Sender", state: str, session: Session) -> None:
    told = {"state": state, "alias": session.alias, "token": session.token}
    sender.emit("race_session", told)

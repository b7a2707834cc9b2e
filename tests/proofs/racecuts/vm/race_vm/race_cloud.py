"""The cloud of a race: sessions and passings, its rules for doubles, and what goes wrong with it.

`fails` of a spec has, by kind of request (`open`, `send`, `close`, `sessions`, `list`), a list of
words, one for each such request in turn; when it is used up, the rest are `ok`:

    ok, slow:S              done and answered, after S seconds
    drop, reset, stall      nothing is done; the connection ends in that way
    commit_drop, commit_reset, commit_stall, commit_503
                            it is done, and the answer does not come, or is another one
    late:S                  it is done S seconds after the connection died
    elsewhere               somebody else has just closed the session; then as ever
    elsewhere_drop          it is done, somebody else closes the session, and no answer comes
    part:N                  only the first N passings are stored, and counted
    part_drop:N             only the first N are stored, and no answer comes
    uncounted               it is done, and the answer does not count
    cut                     the answer ends in its middle
    STATUS:S                refused, with Retry-After where there is an S

`largest` is the most passings that it takes at once, `poison` a chip that it refuses until
`healed`, `lag` the seconds by which its lists are behind.
"""

import json
import re

from vm import http_model, rufus
from vm.fake_socket import FakeConnection

_TIME = re.compile("^[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-9:]+\\.[0-9][0-9][0-9]Z$")
_FIELDS = {"bib", "num_passing", "timestamp", "chip", "latitude", "longitude", "status"}


class RaceConnection(FakeConnection):
    """The server's end of a connection that is kept from one request to the next."""

    count = 0
    """So many requests have begun on it."""

    def begin(self) -> None:
        """Make room for the next request."""
        self.intended = self.received = b""
        self.answer = None
        self.sent = self.ready_us = 0
        self.marks = ()
        self.count += 1

    def answered(self) -> bool:
        """Tell whether the answer to the request before is on its way."""
        return self.answer is not None


class RaceCloud:
    """The server of one lifetime; `judge` is asked at what matters."""

    def __init__(self, spec: dict, time, judge) -> None:
        self.spec = spec
        self.time = time
        self.judge = judge
        self.fails = {kind: list(words) for kind, words in spec.get("fails", {}).items()}
        self.sessions: list = []
        self.late: list = []
        self.requests = 0
        self.told: list = []
        self.healed = False

    def accept(self, _address) -> RaceConnection:
        """Take a connection."""
        return RaceConnection(self)

    def gone(self, connection) -> None:
        """Note that the other end has gone; what was put off runs from now."""
        for item in self.late:
            if item[0] is connection and item[1] is None:
                item[1] = self.time.now_us + item[2]

    def catch_up(self) -> None:
        """Carry out what is due."""
        for item in list(self.late):
            if item[1] is not None and item[1] <= self.time.now_us:
                self.late.remove(item)
                item[3]()

    def receive(self, connection, data: bytes) -> None:
        """Take bytes of a request; act once it is whole."""
        self.catch_up()
        connection.received += data
        request = http_model.whole(connection.received)
        if request and connection.answer is None:
            self.requests += 1
            self._act(connection, request)

    def close_elsewhere(self) -> None:
        """Close the open session, as somebody with the vendor's app would."""
        for session in self.sessions:
            if session["active"]:
                session["active"] = False
                session["elsewhere"] = True

    # What is asked.

    def _act(self, connection, request) -> None:  # noqa: C901 - one branch for each word
        kind, act = self._kind(request)
        words = self.fails.get(kind)
        word = words.pop(0) if words else "ok"
        if kind in ("sessions", "list") and "READ" not in self.spec["access"].split("_"):
            word = "403"
        name, _, number = word.partition(":")
        number = int(number or 0)
        if self.spec.get("verbose"):
            self.told.append([self.time.now_us // 1000, kind + " " + word, str(request.body)])
        if name.isdigit():
            more = "Retry-After: %d\r\n" % number if number else ""
            said = None if int(name) >= 500 else {"description": "Not now, says the cloud"}
            self._answer(connection, (int(name), said), more)
            return
        if name == "slow":
            connection.ready_us = self.time.now_us + number * 1000000
        if name == "elsewhere":
            self.close_elsewhere()
        if name in ("ok", "slow", "elsewhere", "cut", "uncounted", "part"):
            status, said = act(number if name == "part" else 5000)
            if name == "uncounted":
                said.pop("inserted_count", 0)
            self._answer(connection, (status, said))
            if name == "cut":
                connection.answer = connection.answer[: -len(connection.answer) // 3]
                connection.end = "reset"
            return
        if name == "late":
            self.late.append([connection, None, number * 1000000, lambda: act(5000)])
        elif name[:6] == "commit" or name in ("elsewhere_drop", "part_drop"):
            act(number if name == "part_drop" else 5000)
        if name == "elsewhere_drop":
            self.close_elsewhere()
        ending = name.split("_")[-1]
        if ending.isdigit():
            self._answer(connection, (int(ending), None))
            return
        connection.answer = b""
        connection.marks = (0,)
        connection.end = {"late": "close", "drop": "close"}.get(ending, ending)

    def _kind(self, request) -> tuple:
        """Return what a request is for, and what does it: called with the most passings to take."""
        path = request.path[len(rufus.BASE) :]
        place = request.method, "/".join(path.split("/")[:3]).rstrip("/")
        last = path.split("/")[-1]
        if place == ("POST", "/sessions"):
            fields = json.loads(request.body)
            return "open", lambda most: self._open(fields)
        if place == ("POST", "/passings"):
            fields = json.loads(request.body)
            return "send", lambda most: self._insert(fields, most)
        if place == ("PATCH", "/sessions/close"):
            return "close", lambda most: self._close(last)
        if place == ("GET", "/sessions/device"):
            return "sessions", lambda most: self._sessions()
        if place == ("GET", "/passings/session"):
            return "list", lambda most: self._list(last, request.query)
        self.judge.note("refused", "asked for " + path)
        return "other", lambda most: (404, {"description": "Not found"})

    def _open(self, fields: dict) -> tuple:
        if fields.get("deviceid") != self.judge.token or set(fields) != {"deviceid", "alias"}:
            self.judge.note("refused", "a session for no device of this cloud")
            return 404, {"description": "Device not found"}
        for session in self.sessions:
            session["active"] = False
        token = rufus.new_token(1000 + len(self.sessions))
        session = {"token": token, "alias": fields["alias"], "active": True, "rows": []}
        session["created"] = self.time.now_us
        self.sessions.append(session)
        self.judge.session_opened(session)
        return 201, {"description": "Session inserted succesfully", "token_session": token}

    def _find(self, token: str) -> "dict | None":
        for session in self.sessions:
            if session["token"] == token:
                return session
        return None

    def _close(self, token: str) -> tuple:
        session = self._find(token)
        if not session:
            return 404, {"description": "Session not found", "token_session": token}
        session["active"] = False
        return 200, {"description": "Session closed succesfully", "token_session": token}

    def _sessions(self) -> tuple:
        shown = [one for one in self.sessions if self._is_shown(one["created"])]
        if not shown:
            return 404, {"description": "Sessions not found"}
        result = [
            {"token_session": one["token"], "alias": one["alias"], "active": one["active"]}
            for one in shown
        ]
        return 200, {"description": "Success", "result": result}

    def _list(self, token: str, query: dict) -> tuple:
        session = self._find(token)
        if not session:
            return 404, {"description": "Session not found"}
        first, last = int(query["first"]), int(query["last"])
        result = [
            {"num_passing": row[0], "timestamp": row[1], "chip": row[2], "bib": row[3]}
            for row in session["rows"]
            if first <= row[0] <= last and self._is_shown(row[4])
        ]
        return 200, {"description": "Success", "result": result}

    def _is_shown(self, created_us: int) -> bool:
        return created_us + self.spec.get("lag", 0) * 1000000 <= self.time.now_us

    def _insert(self, fields: dict, most: int) -> tuple:
        passings = fields["passings_list"]
        if len(passings) > self.spec.get("largest", 5000):
            return 413, {"description": "Too many passings"}
        session = self._find(fields["token_session"])
        if not session or not session["active"]:
            return 404, {"description": "Session not found or closed"}
        for one in passings:
            if set(one) - _FIELDS or not _TIME.match(one["timestamp"]) or not one["bib"]:
                self.judge.note("refused", "a passing that no cloud takes: " + str(one))
                return 400, {"description": "Bad request"}
            if one.get("chip") == self.spec.get("poison") and not self.healed:
                return 400, {"description": "Bad request: passing %d" % one["num_passing"]}
        stored = 0
        for one in passings[:most]:
            row = (one["num_passing"], one["timestamp"], one.get("chip", ""), one["bib"])
            if self._is_new(session["rows"], row):
                session["rows"].append(row + (self.time.now_us,))  # noqa: RUF005 - MicroPython
                self.judge.arrived(session, row)
                stored += 1
        counts = {"inserted_count": stored, "duplicate_count": len(passings[:most]) - stored}
        said = {"description": "Passings inserted succesfully", "token_session": session["token"]}
        said.update(counts)
        return 201, said

    def _is_new(self, rows: list, row: tuple) -> bool:
        """Tell whether a passing is no double of one that is there, by the cloud's rule."""
        rule = self.spec.get("doubles", "full")
        if rule == "none":
            return True
        if rule == "number":
            return row[0] not in [one[0] for one in rows]
        return row not in [one[:4] for one in rows]

    def _answer(self, connection, said: tuple, more: str = "") -> None:
        status, fields = said
        body = b"null" if fields is None else rufus.body(self.spec, status, fields)
        connection.answer = http_model.answer(status, body, more)
        connection.marks = (0, 40, len(connection.answer) - 1)
        connection.end = "keep"

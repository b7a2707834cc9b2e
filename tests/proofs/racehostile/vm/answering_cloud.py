"""The cloud of one race: right answers, but for those that its case puts in their place."""

import json

import http_model
from race_world import Answer

_BASE = "/v0"
_MOST_REQUESTS = 400


class AnsweringCloud:
    """Sessions and passings of one reader; `case` says which requests get which answer.

    Of `case`: `kind` of request (open, sessions, send, list, close), from the `nth` on for `times`
    of them, is given the bytes, or `lie`, one of `lies`; `done` says whether it is carried out.
    `rows` has (session, number, chip) of what was stored, `wrong` what no cloud should be asked.
    """

    def __init__(self, net, case: dict, source, token: str) -> None:
        self.net = net
        self.case = case
        self.source = source
        self.device = token
        self.sessions = []  # [token, alias, whether it is open]
        self.rows = []
        self.wrong = []
        self.counts = {}
        self.requests = 0
        self.spoilt = 0  # answers that were
        self.drops = list(case.get("drops", ()))  # kinds whose next request is not carried out

    def receive(self, socket, received: bytes) -> bytes:
        """Answer the request in `received` once it is whole; return what is left of it."""
        request = http_model.whole(received)
        if not request:
            return received
        self.requests += 1
        if self.requests > _MOST_REQUESTS:
            raise AssertionError("asks without end")
        kind, act = self._kind(request)
        nth = self.counts.get(kind, 0)
        self.counts[kind] = nth + 1
        case = self.case
        if kind == case["kind"] and case["nth"] <= nth < case["nth"] + case["times"]:
            self.spoilt += 1
            self._spoil(socket, act)
        elif kind in self.drops:
            self.drops.remove(kind)
            if case["done"]:
                act()
            socket.answers.append(Answer(0, "close"))
        else:
            socket.answers.append(_answer(act()))
        return b""

    def _spoil(self, socket, act) -> None:
        case = self.case
        count = self._passings
        said = act() if case["done"] or case["lie"] == "twin" else None
        if case["lie"] == "twin":
            # Its own answer, and behind it the one to a request that is still to come.
            self.drops.append("send")
            case["done"] = False
            answer = _answer(said)
            answer.raw += _answer((201, {"inserted_count": case["next"]})).raw
            answer.size = len(answer.raw)
        elif case["lie"]:
            answer = Answer(0, case["end"])
            answer.raw = lies(case["kind"], count, self.first)[case["lie"] - 1]
            answer.size = len(answer.raw)
        else:
            answer = Answer(case["size"], case["end"])
            answer.source, answer.at, answer.length = self.source, case["at"], case["length"]
            answer.rush = case["rush"]
        answer.slow_us = case["slow_us"]
        answer.start_us = self.net.chip.now_us
        socket.answers.append(answer)

    def _kind(self, request) -> tuple:
        """Return what a request is for, and what carries it out."""
        self._passings = self.first = 0
        path = request.path[len(_BASE) :].split("/")
        place = request.method, "/".join(path[:3])
        last = path[-1]
        if request.headers.get("host") != "localhost:8443" or request.path[: len(_BASE)] != _BASE:
            self.wrong.append("a request to somewhere else")
        if place == ("POST", "/sessions"):
            fields = json.loads(request.body)
            if fields.get("deviceid") != self.device:
                self.wrong.append("a session for another device")
            return "open", lambda: self._open(fields["alias"])
        if place == ("POST", "/passings"):
            fields = json.loads(request.body)
            passings = fields["passings_list"]
            self._passings = len(passings)
            return "send", lambda: self._insert(fields["token_session"], passings)
        if place == ("PATCH", "/sessions/close"):
            return "close", lambda: self._close(last)
        may = self.case["reads"]
        if place == ("GET", "/sessions/device"):
            return "sessions", self._sessions if may else _forbidden
        if place == ("GET", "/passings/session"):
            first, last_one = int(request.query["first"]), int(request.query["last"])
            self.first, self._passings = first, last_one - first + 1
            return "list", (lambda: self._list(last, first, last_one)) if may else _forbidden
        self.wrong.append("asks for " + request.method + " " + request.path)
        return "other", lambda: (404, {"description": "Not found"})

    def _open(self, alias: str) -> tuple:
        for session in self.sessions:
            session[2] = False
        token = "%02X" % (len(self.sessions) + 16) * 32
        self.sessions.append([token, alias, True])
        return 201, {"description": "Session inserted succesfully", "token_session": token}

    def _insert(self, token: str, passings: list) -> tuple:
        if not any([one[0] == token and one[2] for one in self.sessions]):
            return 404, {"description": "Session not found or closed"}
        stored = 0
        for one in passings:
            row = (token, one["num_passing"], one["chip"])
            if row not in self.rows:
                self.rows.append(row)
                stored += 1
        return 201, {"inserted_count": stored, "duplicate_count": len(passings) - stored}

    def _close(self, token: str) -> tuple:
        for session in self.sessions:
            if session[0] == token:
                session[2] = False
                return 200, {"token_session": token}
        return 404, {"description": "Session not found"}

    def _sessions(self) -> tuple:
        shown = [{"token_session": one[0], "alias": one[1]} for one in self.sessions]
        return 200, {"result": shown}

    def _list(self, token: str, first: int, last: int) -> tuple:
        shown = [
            {"num_passing": row[1]}
            for row in self.rows
            if row[0] == token and first <= row[1] <= last
        ]
        return 200, {"result": shown}


def _forbidden() -> tuple:
    return 403, {"description": "Forbidden"}


def _answer(said: tuple, end: str = "keep") -> Answer:
    status, fields = said
    raw = http_model.answer(status, json.dumps(fields).encode())
    answer = Answer(len(raw), end)
    answer.raw = raw
    return answer


def lies(kind: str, count: int, first: int) -> tuple:
    """Return answers that look as if `count` passings were there, and do not count.

    Only what is counted in whole, in a good answer, at its own place and once, has been said.
    """
    return _lists(count, first) if kind == "list" else _counts(count)


def _counts(count: int) -> tuple:
    inserted = '"inserted_count":%d'
    good = "{" + inserted % count + "}"
    return (
        _said(201, "{" + inserted % -1 + ',"duplicate_count":%d}' % (count + 1)),
        _said(201, "{" + inserted % (count + 2) + ',"duplicate_count":-2}'),
        _said(201, "{" + inserted % count + "," + inserted % (count + 1) + "}"),
        _said(201, "{" + inserted % (count + 1) + "," + inserted % count + "}"),
        _said(201, "{" + inserted % count + ',"body":{' + inserted % 0 + "}}"),
        _said(201, '{"body":{' + inserted % 0 + "}," + inserted % count + "}"),
        _said(201, '{"body":{"body":' + good + "}}"),
        _said(201, '{"result":' + good + "}"),
        _said(201, "[" + good + "]"),
        _said(201, '{"inserted_count":[%d]}' % count),
        _said(201, '{"inserted_count":%d.0}' % count),
        _said(201, '{"inserted_count":"%d or so"}' % count),
        _said(201, good[:-1]),
        _said(201, good + '{"inserted_count":0}'),
        _said(201, good + "x"),
        _said(201, "<html>" + good),
        _said(204, good),
        _said(302, good),
        _said(400, good),
        _said(500, good),
        _said(103, good),
        _said(201, "{" + inserted % count + ',"inserted_count":[0]}'),
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n"
        % (len(good), good.encode()),
        b"HTTP/2 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(good), good.encode()),
        _said(201, good + " ", more=2),
    )


def _lists(count: int, first: int) -> tuple:
    items = ",".join(['{"num_passing":%d}' % one for one in range(first, first + count)])
    good = '{"result":[' + items + "]}"
    return (
        _said(200, good[:-1]),
        _said(200, good[:-2]),
        _said(200, good, more=1),
        _said(403, good),
        _said(404, good),
        _said(400, good),
        _said(500, good),
        _said(201, good),
        _said(204, good),
        _said(200, "[" + items + "]"),
        _said(200, '{"data":{"result":[' + items + "]}}"),
        _said(200, '{"result":{"result":[' + items + "]}}"),
        _said(200, good + "{}"),
        _said(200, '{"result":[' + items.replace("}", ',"num_passing":0}') + "]}"),
        _said(200, '{"result":[' + items.replace("{", '{"num_passing":null,') + "]}"),
        _said(200, '{"result":[' + items.replace("}", ".5}") + "]}"),
        _said(200, '{"result":[' + items.replace("{", "[{").replace("}", "}]") + "]}"),
    )


def _said(status: int, body: str, more: int = 0) -> bytes:
    """Return an answer whose Content-Length says `more` than there is."""
    raw = body.encode()
    return b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s" % (status, len(raw) + more, raw)

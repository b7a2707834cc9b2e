"""A cloud in the process: its devices, its log, and what goes wrong with which request.

A script is a list of words, one for each binding request in turn; when it is used up, the rest
are `ok`:

    ok, slow:S              commit and answer, after S seconds
    drop, reset, stall      nothing is done; the connection ends in that way
    commit_drop, commit_reset, commit_stall, commit_503
                            it is done, and the answer does not come, or is another one
    late:S, late_stall:S, late_504:S
                            it is done S seconds after the connection died
    429:S                   refused for S seconds; any other number is that status
"""

from . import http_model

SERIAL = "UNIT-7"
LONG_AGO_S = 30 * 86400
"""How long other boards have been in the list when a lifetime begins."""


class Exchange:
    """One connection on which at least a byte came, as the cloud's log has it.

    `kind` is "bind", "look" or "other"; `status` is what was answered, `settled` whether that
    answer was sent at all. Times are in microseconds of the lifetime.
    """

    kind = "other"
    key = path = ""
    status = 0
    request = None
    dropped = False
    covered = True
    page = pages = 0
    found = False

    def __init__(self, connection, began_us: int) -> None:
        self.connection = connection
        self.began_us = began_us
        self.ended_us = 0
        self.made: list = []

    def delivered(self) -> bool:
        """Tell whether the whole answer went out to the other end."""
        answer = self.connection.answer
        return bool(answer) and self.connection.sent == len(answer)


class CloudModel:
    """The server of one lifetime; `api` knows the paths and forms of one vendor's."""

    def __init__(self, api, spec: dict, time, net, reached) -> None:
        self.reached = reached
        self.api = api
        self.spec = spec
        self.time = time
        self.net = net
        self.script = list(spec.get("script", ()))
        self.looks = list(spec.get("looks", ()))
        self.devices: list = []
        self.log: list = []
        self.late: list = []
        self.on_first_byte = None
        self._ids = 0
        if spec.get("twin"):
            self.add(api.fields(SERIAL, "0.1.0+sl.00000bad"), own=False)
        for number in range(spec.get("strangers", 2)):
            self.add(api.fields("OTHER-%d" % number, "0.1.0+sl.%08x" % number), own=False)
        if spec.get("odd"):
            self.add(api.fields("ODD-0", "0.1.0+sl.00000dd0"), own=False, odd=True)

    # What the net calls.

    def accept(self, _address):
        """Take a connection."""
        from .fake_socket import FakeConnection

        return FakeConnection(self)

    def receive(self, connection, data: bytes) -> None:
        """Take bytes of a request; act once it is whole."""
        self.catch_up()
        if not connection.received:
            exchange = Exchange(connection, self.time.now_us)
            connection.exchange = exchange
            self.log.append(exchange)
            if self.on_first_byte:
                self.on_first_byte(exchange)
        connection.received += data
        exchange = connection.exchange
        if exchange.request is None:
            exchange.request = http_model.whole(connection.received)
            if exchange.request:
                self._act(exchange)

    def gone(self, connection) -> None:
        """Note that the other end has gone; what was put off runs from now."""
        for item in self.late:
            if item[0] is connection:
                item[1] = self.time.now_us + item[2]
        exchange = getattr(connection, "exchange", None)
        if exchange:
            exchange.ended_us = self.time.now_us

    # What goes on inside.

    def catch_up(self) -> None:
        """Carry out what is due."""
        for item in list(self.late):
            if item[1] is not None and item[1] <= self.time.now_us:
                self.late.remove(item)
                item[3]()

    def finish(self) -> None:
        """Carry out everything that was put off, however late it is."""
        for item in self.late:
            item[1] = 0
        self.catch_up()

    def add(self, fields: dict, own: bool, odd: bool = False) -> dict:
        """Make a record; `own` marks those that this lifetime's unit has asked for."""
        self._ids += 1
        device = dict(fields)
        device["own"] = own
        device["odd"] = odd
        device["created"] = self.time.time() - (0 if own else LONG_AGO_S)
        device["token"] = self.api.new_token(self._ids)
        self.devices.append(device)
        return device

    def remove_own(self) -> None:
        """Take the unit's records out, as an operator does with DELETE."""
        self.devices = [device for device in self.devices if not device["own"]]

    def own(self) -> list:
        """Return the records that this unit's requests have made."""
        return [device for device in self.devices if device["own"]]

    def commit(self, exchange) -> tuple:
        """Bind; return (status, fields of the answer)."""
        fields = self.api.asked(exchange.request)
        same = [one for one in self.devices if one["serial_number"] == fields["serial_number"]]
        second = self.spec.get("second", "new")
        if same and second == "conflict":
            return self.api.conflict(fields)
        if same and second == "same":
            device = same[0]
            device.update(fields)
            device["shared"] = True
        else:
            device = self.add(fields, own=True)
        exchange.made.append(device["token"])
        return self.api.bound(device)

    def _act(self, exchange) -> None:
        request = exchange.request
        exchange.path = request.path
        exchange.kind = self.api.kind(request)
        exchange.key = self.api.key(request)
        refused = self.api.refuse(self.spec, exchange)
        if refused:
            self._answer(exchange, refused)
        elif exchange.kind == "bind":
            if self.spec.get("kin"):
                self._add_kin(self.api.asked(request).get("firmware", ""))
            self._play(exchange, self.script.pop(0) if self.script else "ok")
        elif exchange.kind == "look":
            self._look(exchange, self.looks.pop(0) if self.looks else "ok")
        else:
            self._answer(exchange, (404, {"description": "Not found"}))

    def _add_kin(self, mark: str) -> None:
        """Let other boards have marks that differ from this one's in one digit each."""
        begin = mark.find("sl.") + 3
        for digit in self.spec["kin"]:
            at = begin + digit
            other = mark[:at] + "%x" % (int(mark[at], 16) ^ 1) + mark[at + 1 :]
            self.add(self.api.fields("KIN-%d" % digit, other), own=False)

    def _look(self, exchange, word: str) -> None:
        said = self.api.look(self.spec, self.devices, exchange)
        if word.isdigit():
            said = int(word), None
        self._answer(exchange, said)
        if word == "cut":
            connection = exchange.connection
            connection.answer = connection.answer[: -len(connection.answer) // 3]
            connection.end = "reset"

    def _play(self, exchange, word: str) -> None:
        name, _, number = word.partition(":")
        connection = exchange.connection
        seconds = int(number or 0) * 1_000_000
        if name.isdigit():
            more = "Retry-After: %s\r\n" % number if number else ""
            self._answer(exchange, self.api.refusal(int(name)), more)
            return
        if name in ("ok", "slow"):
            if name == "slow":
                connection.ready_us = self.time.now_us + seconds
            self._answer(exchange, self.commit(exchange))
            return
        if name.startswith("commit_"):
            self.commit(exchange)
        elif name.startswith("late"):
            self.late.append([connection, None, seconds, lambda: self.commit(exchange)])
        ending = name.split("_")[-1]
        if ending.isdigit():
            self._answer(exchange, (int(ending), None))
            return
        connection.answer = b""
        connection.marks = (0,)
        connection.end = {"late": "close", "drop": "close"}.get(ending, ending)

    def _answer(self, exchange, said: tuple, more: str = "") -> None:
        status, fields = said
        connection = exchange.connection
        exchange.status = status
        body = b"null" if fields is None else self.api.body(self.spec, status, fields)
        if status == 204:
            body = b""
        connection.answer = http_model.answer(status, body, more)
        if self.net.bytewise:
            connection.marks = tuple(range(len(connection.answer) + 1))
        else:
            connection.marks = http_model.marks(connection.answer)

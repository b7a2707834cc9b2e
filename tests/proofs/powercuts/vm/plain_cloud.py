"""A cloud that binds by one POST and lists by a GET of the same path, as the cloud model answers."""

import json

from runtime import clock

from .cloud_model import LONG_AGO_S

_OF_WORLDS = {"serial_number": "serial", "firmware": "mark", "creation_date": "created"}
"""What the worlds call a field, and what a description does."""


class PlainModel:
    """Such a cloud by its description, as `startline_host.mock_cloud.plain_cloud` has it."""

    LISTS = True

    def __init__(self, described: dict) -> None:
        self._names = described
        self.BASE = described["prefix"]
        self._path = self.BASE + described["path"]

    def fields(self, serial: str, firmware: str) -> dict:
        """Return what a record holds of its device."""
        return {"serial_number": serial, "firmware": firmware}

    def new_token(self, number: int) -> str:
        """Return an id, another one for each number."""
        return self._names["token_form"] % number

    def binds(self, begun: bytes) -> bool:
        """Tell whether what begins so is a request that binds."""
        return begun.startswith(b"POST " + self._path.encode() + b" ")

    def kind(self, request) -> str:
        """Tell what a request is for."""
        if request.path != self._path:
            return "other"
        return {"POST": "bind", "GET": "look"}.get(request.method, "other")

    def key(self, request) -> str:
        """Return the key that a request carries."""
        said = request.headers.get(self._names["key_header"].lower(), "")
        before = self._names["key_prefix"]
        return said[len(before) :] if said.startswith(before) else ""

    def refuse(self, spec: dict, exchange) -> "tuple | None":
        """Refuse what the key may not do."""
        allowed = {"WRITE": ("bind",), "READ_WRITE": ("bind", "look")}
        if exchange.kind in allowed.get(spec["keys"].get(exchange.key), ()):
            return None
        return self._say(403, "This key may not do that.")

    def asked(self, request) -> dict:
        """Return the fields of a binding request."""
        body = json.loads(request.body)
        return self.fields(body[self._names["serial"]], body.get(self._names["mark"], ""))

    def bound(self, device: dict) -> tuple:
        """Return the answer to a request that bound."""
        return 201, {self._names["token"]: device["token"]}

    def conflict(self, _asked_fields: dict) -> tuple:
        """Return the answer to a second request where that is an error."""
        return self._say(409, "This device is bound already.")

    def refusal(self, status: int) -> tuple:
        """Return an answer that is no token."""
        return self._say(status, "Not now.") if status < 500 else (status, None)

    def look(self, spec: dict, devices: list, exchange) -> tuple:
        """Return a page of the list, and note in the log what it shows."""
        page = int(exchange.request.query.get("page", "1"))
        limit = spec.get("page", 5000)
        exchange.page, exchange.pages = page, max(1, (len(devices) + limit - 1) // limit)
        shown = devices[(page - 1) * limit : page * limit]
        exchange.found = any(
            [
                one["serial_number"] == spec["serial"] or (one["odd"] and spec["odd"]["doubt"])
                for one in shown
            ]
        )
        if any([one["own"] for one in shown]) and (
            spec.get("shows") or spec.get("hides") or spec.get("latin")
        ):
            exchange.connection.cloud.reached.note("list")
        entries = [self._entry(spec, one) for one in shown]
        if not self._names["listed"]:
            return 200, entries
        told = {}
        _put(told, self._names["listed"], entries)
        if self._names["counted"]:
            _put(told, self._names["counted"], len(devices))
        return 200, told

    def operator_look(self, spec: dict, devices: list) -> list:
        """Return what an operator sees of this very unit in the list: (token, mark, serial)."""
        mark = self._names["mark"]
        return [
            (one["token"], self._entry(spec, one).get(mark) or "", one["serial_number"])
            for one in devices
            if one["serial_number"] == spec["serial"]
        ]

    def body(self, spec: dict, _status: int, said: dict) -> bytes:
        """Write an answer's body."""
        text = json.dumps(said).encode()
        return text.replace(b"\xc3\xa9", b"\xe9") if spec.get("latin") else text

    def _say(self, status: int, words: str) -> tuple:
        return status, {self._names["words"]: words}

    def _entry(self, spec: dict, device: dict) -> dict:
        names = self._names
        entry = {
            names["token"]: device["token"],
            names["mark"]: device["firmware"],
            names["serial"]: device["serial_number"],
            names["created"]: _iso(device["created"]),
        }
        if device["odd"]:
            age = spec["odd"]["age"]
            entry[names["created"]] = _iso(device["created"] + LONG_AGO_S - age)
            entry.update(self._named(spec["odd"]["shows"]))
        elif device["own"]:
            entry.update(self._named(spec.get("shows", {})))
            for name in spec.get("hides", ()):
                del entry[self._name(name)]
        return entry

    def _named(self, shows: dict) -> dict:
        return {self._name(name): shows[name] for name in shows}

    def _name(self, name: str) -> str:
        return self._names.get(_OF_WORLDS.get(name, ""), name)


def _put(told: dict, names: list, value) -> None:
    """Put a value where the names lead."""
    for name in names[:-1]:
        told = told.setdefault(name, {})
    told[names[-1]] = value


def _iso(unix: int) -> str:
    return (
        "%04d-%02d-%02dT%02d:%02d:%02d.000Z"
        % clock.calendar(unix - clock.SECONDS_1970_TO_2000)[:6]
    )

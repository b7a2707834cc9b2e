"""The mock's VMS cloud: billing activation and its check, over the same store."""

from __future__ import annotations

import json
import secrets
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from startline_host.errors import BadInput
from startline_host.mock_cloud.answers import SECOND_BIND
from startline_host.mock_cloud.vms_examples import (
    EMPTY_MESSAGE,
    EXAMPLE_ANSWER,
    EXAMPLE_ID,
    EXAMPLE_REQUEST,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from starlette.requests import Request

    from startline_host.mock_cloud.store import CloudStore

#: Where the calls stand on the server.
PREFIX = "/api/v1/billing/devices"

#: What kinds of devices the mock knows, and which users.
TYPES = ("mediaagent", "mediabridge")
LOGINS = ("user-login", "user@mail.com")

_MAC_DIGITS = 12

#: The longest text that a field may have.
MAX_TEXT = 255

Errors = dict[str, list[str]]


class VmsApi:
    """Billing activation over `store`; `second` is what a second activation does.

    `authorization` is the value that the header of that name must have, if any; `logins` and
    `types` are the users and the kinds of devices that are known. Raises `BadInput` for an
    option that does not exist.
    """

    def __init__(
        self,
        store: CloudStore,
        *,
        second: str = "conflict",
        authorization: str | None = None,
        logins: tuple[str, ...] = LOGINS,
        types: tuple[str, ...] = TYPES,
    ) -> None:
        if second not in SECOND_BIND:
            raise BadInput(
                f"There is no rule for a second activation {second!r}.",
                f"Known are: {', '.join(SECOND_BIND)}.",
            )
        self.second = second
        self._store = store
        self._authorization = authorization
        self.logins = logins
        self.types = types
        self.max_text = MAX_TEXT

    def app(self) -> Starlette:
        """Build the ASGI application; mount it at `PREFIX`."""
        routes = [
            Route("/activate", self._activate, methods=["POST"]),
            Route("/check", self._check, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _not_routed})

    def reserve(self, *, serial_number: str | None = None, mac: str | None = None) -> None:
        """Reserve a device: it is activated only with `skip_reserve_check`."""
        with self._store.transaction() as database:
            database.execute(
                "INSERT INTO vms_devices (id, serial_number, mac, type, created, reserved)"
                " VALUES (?, ?, ?, '', ?, 1)",
                (_next_id(database), serial_number, _plain(mac), self._store.now()),
            )

    def devices(self) -> list[dict[str, Any]]:
        """List the activated devices, in the order of their ids."""
        return self._store.rows(
            "SELECT id, login, name, type, serial_number, mac, created FROM vms_devices"
            " WHERE NOT reserved ORDER BY id"
        )

    async def _activate(self, http: Request) -> Response:
        return await self._answer(http, self._do_activate)

    async def _check(self, http: Request) -> Response:
        return await self._answer(http, self._do_check)

    async def _answer(self, http: Request, call: Callable[[dict[str, Any]], Response]) -> Response:
        if self._authorization is not None and not secrets.compare_digest(
            http.headers.get("authorization", "").encode(), self._authorization.encode()
        ):
            return JSONResponse({"message": "Unauthenticated."}, 401)
        return call(_fields(await http.body()))

    def _do_check(self, asked: dict[str, Any]) -> Response:
        errors = self._type_errors(asked) | _identity_errors(asked)
        if not errors:
            known = self._known(asked)
            if known is not None:
                reason = "is reserved" if known["reserved"] else "is activated already"
                errors = {_identity_name(asked): [f"The device {reason}."]}
        return _refusal(errors) if errors else Response(status_code=204)

    def _do_activate(self, asked: dict[str, Any]) -> Response:
        errors = self._login_errors(asked) | _text_errors(asked, "name", needed=True)
        errors |= self._type_errors(asked) | _identity_errors(asked)
        skip = asked.get("skip_reserve_check")
        if skip is not None and not isinstance(skip, bool):
            errors["skip_reserve_check"] = ["The field must be true or false."]
        if errors:
            return _refusal(errors)
        known = self._known(asked)
        if known is not None and known["reserved"] and not skip:
            return _refusal({_identity_name(asked): ["The device is reserved."]})
        if known is not None and not known["reserved"]:
            if self.second == "conflict":
                return _refusal({_identity_name(asked): ["The device is activated already."]})
            if self.second == "same":
                return _activated(known["id"], asked, known["created"])
        return self._store_device(asked)

    def _store_device(self, asked: dict[str, Any]) -> Response:
        """Activate, and answer as the page does if the page's own example was asked for."""
        example = _is_example(asked)
        created = self._store.now()
        with self._store.transaction() as database:
            database.execute(
                "DELETE FROM vms_devices WHERE reserved AND (serial_number = ? OR mac = ?)",
                (asked.get("serial_number"), _plain(asked.get("mac"))),
            )
            free = not database.execute(
                "SELECT 1 FROM vms_devices WHERE id = ?", (EXAMPLE_ID,)
            ).fetchone()
            number = EXAMPLE_ID if example and free else _next_id(database)
            database.execute(
                "INSERT INTO vms_devices (id, serial_number, mac, type, name, login, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    number, asked.get("serial_number"), _plain(asked.get("mac")),
                    asked["type"], asked["name"], asked["login"], created,
                ),
            )  # fmt: skip
        if number == EXAMPLE_ID:
            return Response(EXAMPLE_ANSWER, 201, media_type="application/json")
        return _activated(number, asked, created)

    def _known(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        return self._store.row(
            "SELECT * FROM vms_devices WHERE serial_number = ? OR mac = ?"
            " ORDER BY reserved, id LIMIT 1",
            asked.get("serial_number"),
            _plain(asked.get("mac")),
        )

    def _login_errors(self, asked: dict[str, Any]) -> Errors:
        errors = _text_errors(asked, "login", needed=True)
        if not errors and asked["login"] not in self.logins:
            return {"login": ["The user does not exist."]}
        return errors

    def _type_errors(self, asked: dict[str, Any]) -> Errors:
        errors = _text_errors(asked, "type", needed=True)
        if not errors and asked["type"] not in self.types:
            return {"type": ["The selected type is invalid."]}
        return errors


def _fields(body: bytes) -> dict[str, Any]:
    """Read the body; what is no JSON object counts as one without fields, as the framework has it."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _text_errors(asked: dict[str, Any], name: str, *, needed: bool = False) -> Errors:
    """Say what is wrong with a text field."""
    text = asked.get(name)
    if text is None or text == "":
        return {name: [f"The {name} field is required."]} if needed else {}
    if not isinstance(text, str):
        return {name: [f"The {name} must be a string."]}
    if len(text) > MAX_TEXT:
        return {name: [f"The {name} may not be greater than {MAX_TEXT} characters."]}
    if any("\ud800" <= character <= "\udfff" for character in text):
        return {name: [f"The {name} is not valid UTF-8."]}
    return {}


def _identity_errors(asked: dict[str, Any]) -> Errors:
    errors = _text_errors(asked, "mac") | _text_errors(asked, "serial_number")
    if not errors and not (asked.get("mac") or asked.get("serial_number")):
        return {
            "mac": ["The mac field is required when serial_number is not present."],
            "serial_number": ["The serial_number field is required when mac is not present."],
        }
    return errors


def _identity_name(asked: dict[str, Any]) -> str:
    return "serial_number" if asked.get("serial_number") else "mac"


def _is_example(asked: dict[str, Any]) -> bool:
    """Tell whether that is the page's request: a device has a real MAC for its `fake_mac_5`."""
    mac = _plain(asked.get("mac")) or ""
    if len(mac) == _MAC_DIGITS and all(digit in string.hexdigits for digit in mac):
        asked = {**asked, "mac": EXAMPLE_REQUEST["mac"]}
    return {**EXAMPLE_REQUEST, **asked} == EXAMPLE_REQUEST


def _plain(mac: str | None) -> str | None:
    """Bring the usual spellings of a MAC to one: no separators, lower case."""
    if not mac:
        return None
    return "".join(character for character in mac.lower() if character not in ":-. ")


def _next_id(database: sqlite3.Connection) -> int:
    (highest,) = database.execute("SELECT MAX(id) FROM vms_devices").fetchone()
    return max(EXAMPLE_ID, highest or 0) + 1


def _activated(number: int, asked: dict[str, Any], created: float) -> Response:
    """Answer 201 with the fields of the page's example."""
    date = datetime.fromtimestamp(created, UTC).isoformat(timespec="microseconds")
    fields = json.loads(EXAMPLE_ANSWER)
    fields |= {
        "id": number,
        "serial_number": asked.get("serial_number") or None,
        "type": asked["type"],
        "mac": asked.get("mac") or None,
        "name": asked["name"],
        "created_at": date.replace("+00:00", "Z"),
        "is_online": False,
    }
    fields["user"] |= {"login": asked["login"], "name": asked["login"]}
    return JSONResponse(fields, 201)


def _refusal(errors: Errors) -> Response:
    return JSONResponse({"message": EMPTY_MESSAGE, "errors": errors}, 422)


async def _not_routed(_http: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    return JSONResponse({"message": error.detail}, error.status_code, error.headers)

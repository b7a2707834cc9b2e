"""How an answer is spoilt: functions from the right reply to the wrong one, pure and seeded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

from startline_host.mock_cloud.vms_examples import EXAMPLE_REFUSAL

if TYPE_CHECKING:
    import random

    from startline_host.mock_cloud.exchange import CapturedAnswer


@dataclass
class MutationContext:
    """What a fault is played with: its number, seeded dice, and where the trap listens.

    `token_names` are what the answers of the cloud that was asked may call a token.
    """

    value: int
    dice: random.Random
    trap_url: str
    token_names: tuple[str, ...]


Spoil = Callable[["CapturedAnswer", MutationContext], None]

#: Control characters, an escape sequence, a line break and a right-to-left mark, as JSON has them.
_CONTROL = r"\u001b[31mred\u001b[0m\r\nHTTP/1.1 201 Created\u0000\u0007\u009b2J\u202e"


def unchanged(_reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Leave the reply as it is."""


def _set_text(
    reply: CapturedAnswer, status: int, body: bytes, kind: bytes = b"application/json"
) -> None:
    """Make the reply another one altogether."""
    reply.status = status
    reply.headers = [(b"content-type", kind)]
    reply.body = body


def _words(text: str) -> bytes:
    return json.dumps({"description": text}).encode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "No such status"


def status(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Answer with the status that the fault's number names."""
    _set_text(reply, scene.value, _words(_phrase(scene.value)))


def status_null(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Answer with the status that the fault's number names, and with null."""
    _set_text(reply, scene.value, b"null")


def retry_after(code: int) -> Spoil:
    """Make a fault that answers `code` and a number of seconds to wait."""

    def spoil(reply: CapturedAnswer, scene: MutationContext) -> None:
        _set_text(reply, code, _words(_phrase(code)))
        reply.headers.append((b"retry-after", str(scene.value).encode()))

    return spoil


def retry_after_date(code: int) -> Spoil:
    """Make a fault that answers `code` and the date to wait for."""

    def spoil(reply: CapturedAnswer, scene: MutationContext) -> None:
        _set_text(reply, code, _words(_phrase(code)))
        date = formatdate(time.time() + scene.value, usegmt=True)
        reply.headers.append((b"retry-after", date.encode()))

    return spoil


def redirect(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Answer with a redirect to the trap."""
    _set_text(reply, scene.value, _words(_phrase(scene.value)))
    reply.headers.append((b"location", scene.trap_url.encode()))


def captive_portal(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Answer with the page that a venue's Wi-Fi shows before it lets anybody through."""
    page = b"<!doctype html><title>Wi-Fi</title><h1>Welcome</h1><form><input name=room></form>"
    _set_text(reply, 200, page, b"text/html; charset=utf-8")


def gateway_page(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Answer with a gateway's error page."""
    title = f"{scene.value} {_phrase(scene.value)}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    _set_text(reply, scene.value, page.encode(), b"text/html")


def gateway_timeout(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Answer as a gateway that has lost patience with the cloud behind it."""
    _set_text(reply, 504, _words("Gateway Timeout"))


def refused_words(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Refuse with words that would do harm on a terminal."""
    _set_text(reply, 403, f'{{"description":"{_CONTROL}"}}'.encode())


def errors_any_key(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Refuse as the page on billing activation shows it."""
    _set_text(reply, 422, EXAMPLE_REFUSAL)


def errors_nested(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Refuse with reasons that are nested, several, and not all ASCII."""
    fields = {
        "message": "The given data was invalid.",
        "errors": {
            "login": ["Пользователь не найден", "El usuario no existe: ñandú"],
            "device": {"mac": ["起点 is taken"], "more": {"serial_number": "Şişli is reserved"}},
        },
    }
    _set_text(reply, 422, json.dumps(fields, ensure_ascii=False).encode())


def _set_header(reply: CapturedAnswer, name: bytes, value: bytes | None) -> None:
    reply.headers = [pair for pair in reply.headers if pair[0] != name]
    if value is not None:
        reply.headers.append((name, value))


def set_body(reply: CapturedAnswer, body: bytes) -> None:
    """Replace the body and keep its length right."""
    reply.body = body
    _set_header(reply, b"content-length", str(len(body)).encode())


def wrong_content_type(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Label the right answer as HTML."""
    _set_header(reply, b"content-type", b"text/html; charset=utf-8")


def chunked(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Leave the length out, so that the answer goes in chunks (HTTP/1.1) or to the end (1.0)."""
    _set_header(reply, b"content-length", None)


def many_headers(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Put many headers before the right answer."""
    padding = [(f"x-padding-{n}".encode(), b"p" * 60) for n in range(scene.value)]
    reply.headers = padding + reply.headers


def empty_answer(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Take the body away."""
    set_body(reply, b"")


def null_answer(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Put null in place of the body."""
    set_body(reply, b"null")


def broken_json(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Cut the body off after two thirds."""
    set_body(reply, reply.body[: len(reply.body) * 2 // 3])


def _prepend(reply: CapturedAnswer, member: bytes) -> None:
    """Put one more member before all others of the answer's object."""
    set_body(reply, reply.body.replace(b"{", b"{" + member + b",", 1))


def huge_json(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Put a very long member before the right ones."""
    _prepend(reply, b'"padding":"' + b"x" * scene.value + b'"')


def deep_json(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Put a very deep member before the right ones."""
    _prepend(reply, b'"padding":' + b"[" * scene.value + b"]" * scene.value)


def junk(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Answer random bytes."""
    _set_text(reply, 200, scene.dice.randbytes(scene.value), b"application/octet-stream")


def not_unicode(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Put a member that is no UTF-8 before the right ones."""
    _prepend(reply, b'"padding":"\xff\xfe\xc3"')


def byte_order_mark(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Put a byte order mark before the body."""
    set_body(reply, b"\xef\xbb\xbf" + reply.body)


def not_a_number(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Put numbers that JSON does not know before the right members."""
    _prepend(reply, b'"load":NaN,"limit":-Infinity')


def control_words(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Put control characters into the words."""
    _prepend(reply, f'"warning":"{_CONTROL}"'.encode())


def _raw(reply: CapturedAnswer, first_line: bytes, length: int) -> None:
    """Write status line, headers and body out as one, with a length that may be a lie."""
    head = first_line + b"\r\ncontent-type: application/json\r\nconnection: close\r\n"
    reply.body = head + b"content-length: %d\r\n\r\n" % length + reply.body


def _first_line(reply: CapturedAnswer) -> bytes:
    return f"HTTP/1.1 {reply.status} {_phrase(reply.status)}".encode()


def raw_junk(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Write random bytes where HTTP is expected."""
    reply.body = scene.dice.randbytes(scene.value)


def length_too_long(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Announce more than is sent."""
    _raw(reply, _first_line(reply), len(reply.body) + scene.value)


def length_too_short(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Announce less than is sent."""
    _raw(reply, _first_line(reply), max(0, len(reply.body) - scene.value))


def interim(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Send interim answers first: one with a length of its own, one with chunks."""
    _raw(reply, _first_line(reply), len(reply.body))
    before = b"HTTP/1.1 100 Continue\r\ncontent-length: 0\r\n\r\n"
    before += b"HTTP/1.1 103 Early Hints\r\ntransfer-encoding: chunked\r\n\r\n"
    reply.body = before + reply.body


def bad_status_line(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Begin with something that is no status line."""
    _raw(reply, b"HTTP/9.x two-oh-one maybe", len(reply.body))

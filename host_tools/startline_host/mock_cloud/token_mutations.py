"""Wrong tokens: functions that spoil only the token of an otherwise good answer to a bind."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from startline_host.mock_cloud.answer_mutations import set_body

if TYPE_CHECKING:
    from startline_host.mock_cloud.answer_mutations import MutationContext, Spoil
    from startline_host.mock_cloud.exchange import CapturedAnswer


def _place(scene: MutationContext) -> re.Pattern[bytes]:
    """Return where an answer has its token: its name, what stands between, a text or a number."""
    names = b"|".join(re.escape(json.dumps(name).encode()) for name in scene.token_names)
    return re.compile(rb"(" + names + rb')(\s*:\s*)("[^"]*"|[0-9]+)')


def token(value: bytes) -> Spoil:
    """Make a fault that answers other JSON in place of the token."""

    def spoil(reply: CapturedAnswer, scene: MutationContext) -> None:
        set_body(
            reply, _place(scene).sub(lambda found: found[1] + found[2] + value, reply.body, 1)
        )

    return spoil


def without_token(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Leave the token out of an otherwise good answer."""
    set_body(reply, b'{"description":"Device binded succesfully"}')


def misnamed_token(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Call the token something else."""
    set_body(reply, _place(scene).sub(rb'"token"\2\3', reply.body, 1))


def lower_token(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Write the token in lower case."""
    set_body(reply, _place(scene).sub(lambda found: found[0].lower(), reply.body, 1))


def spaced_token(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Put blanks and a line break around the token, inside its quotes."""

    def space(found: re.Match[bytes]) -> bytes:
        return found[1] + found[2] + b'" ' + found[3].strip(b'"') + rb'\r\n"'

    set_body(reply, _place(scene).sub(space, reply.body, 1))


def second_token(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Answer a second, different token after the first."""
    other = b'"%s"' % f"{scene.dice.getrandbits(256):064X}".encode()
    set_body(reply, _place(scene).sub(rb"\g<0>,\g<1>\g<2>" + other, reply.body, 1))


def _cut(more: int) -> Spoil:
    """Make a fault that cuts the answer off `more` bytes before the token's end, or behind it."""

    def spoil(reply: CapturedAnswer, scene: MutationContext) -> None:
        found = _place(scene).search(reply.body)
        if found:
            set_body(reply, reply.body[: found.end() + more])

    return spoil


#: The last digit is missing; the last one is there, and nothing behind it.
cut_token = _cut(-2)
ended_token = _cut(0)


def blank_token(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Put blanks before the token, inside its quotes."""

    def space(found: re.Match[bytes]) -> bytes:
        return found[1] + found[2] + b'"' + b" " * scene.value + found[3].strip(b'"') + b'"'

    set_body(reply, _place(scene).sub(space, reply.body, 1))


def token_in_text(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Write the answer as a text that holds the JSON, as a gateway before a function may."""
    whole = json.loads(reply.body)
    body = json.dumps(whole.get("body", whole), ensure_ascii=False)
    set_body(reply, json.dumps({"statusCode": reply.status, "body": body}).encode())

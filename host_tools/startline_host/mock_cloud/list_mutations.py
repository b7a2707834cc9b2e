"""Lists of devices that leave something out, promise too much, or are written unusually.

What changes an entry changes all of them: a cloud that writes one so writes all so.
"""

from __future__ import annotations

import html
import json
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from startline_host.mock_cloud.answer_mutations import set_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.mock_cloud.answer_mutations import MutationContext, Spoil
    from startline_host.mock_cloud.exchange import CapturedAnswer


def change_list(reply: CapturedAnswer, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a list in place, in either envelope; leave any other answer alone."""
    try:
        whole = json.loads(reply.body)
        fields = whole.get("body", whole)
        change(fields)
    except (ValueError, KeyError, AttributeError, TypeError):
        return
    set_body(reply, json.dumps(whole, ensure_ascii=False).encode())


def keep(fields: dict[str, Any], items: list[dict[str, Any]]) -> None:
    """Have a list hold only these of its items, and count them."""
    fields["pagination"]["total"] -= len(fields["result"]) - len(items)
    fields["result"] = items


def list_empty(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Say that there are no devices."""
    change_list(reply, lambda fields: keep(fields, []))


def older(
    fields: dict[str, Any], scene: MutationContext, date: str = "creation_date"
) -> list[dict[str, Any]]:
    """Return what a list has that is not younger than so many seconds, by the field `date`."""
    since = datetime.now(UTC).timestamp() - scene.value
    return [
        one for one in fields["result"] if datetime.fromisoformat(one[date]).timestamp() <= since
    ]


def list_lags(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Leave out what is younger than so many seconds, as a copy that lags behind would."""
    change_list(reply, lambda fields: keep(fields, older(fields, scene)))


def list_endless(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Promise more pages than there are."""

    def promise(fields: dict[str, Any]) -> None:
        fields["pagination"]["total_pages"] = fields["pagination"]["page"] + 1
        fields["pagination"]["total"] = 10**9

    change_list(reply, promise)


def list_escaped(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Write the same list in an unusual but correct way."""
    set_body(reply, _escaped(json.loads(reply.body)).encode())


def _escaped(value: Any) -> str:
    """Write JSON with every letter escaped, blanks where they may stand, and members reversed."""
    if isinstance(value, dict):
        members = (f" {_escaped(key)} : {_escaped(value[key])}" for key in reversed(value))
        return "{" + " ,\r\n".join(members) + "\t}"
    if isinstance(value, list):
        return "[ " + " , ".join(_escaped(one) for one in value) + " ]"
    if isinstance(value, str):
        units = value.encode("utf-16-be").hex()
        return '"' + "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4)) + '"'
    return json.dumps(value)


def _change_entries(reply: CapturedAnswer, change: Callable[[dict[str, Any]], None]) -> None:
    def change_each(fields: dict[str, Any]) -> None:
        for device in fields["result"]:
            change(device)

    change_list(reply, change_each)


def _serial(write: Callable[[str], Any]) -> Spoil:
    """Make a fault that writes each serial number in another way."""

    def spoil(reply: CapturedAnswer, _scene: MutationContext) -> None:
        _change_entries(
            reply, lambda device: device.update(serial_number=write(device["serial_number"]))
        )

    return spoil


#: Serial numbers as clouds write them that keep them otherwise than they got them.
serial_as_number = _serial(lambda text: int(text) if text.isdecimal() else text)
serial_null = _serial(lambda text: None)
serial_empty = _serial(lambda text: "")
serial_decomposed = _serial(lambda text: unicodedata.normalize("NFD", text))
serial_casefolded = _serial(str.casefold)
serial_as_html = _serial(
    lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode()
)
serial_bare = _serial(lambda text: "".join(filter(str.isalnum, text)))
serial_as_list = _serial(lambda text: [text])
serial_long = _serial(lambda text: text.ljust(400))


def serial_missing(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Leave the serial numbers out."""
    _change_entries(reply, lambda device: device.pop("serial_number"))


def serial_renamed(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Write the serial numbers under a name that no page knows."""
    _change_entries(reply, lambda device: device.update(serial=device.pop("serial_number")))


def serial_latin1(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Write the whole list in Latin-1, as far as that goes."""
    set_body(reply, reply.body.decode().encode("latin-1", "replace"))


def serial_twice(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Say each serial number twice, first another one."""
    set_body(
        reply, reply.body.replace(b'"serial_number":', b'"serial_number":"0","serial_number":')
    )


def marks_null(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Write null for each firmware version, and so for the mark of each request."""
    _change_entries(reply, lambda device: device.update(firmware=None))


def token_as_number(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Write a number for each deviceid."""
    _change_entries(reply, lambda device: device.update(deviceid=int(device["deviceid"][:8], 16)))


def token_lower(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Write each deviceid in lower case."""
    _change_entries(reply, lambda device: device.update(deviceid=device["deviceid"].lower()))


def list_renamed(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Write the list under a name that no page knows."""
    change_list(reply, lambda fields: fields.update(devices=fields.pop("result")))


def list_short(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Say that there are more devices than are shown."""

    def promise(fields: dict[str, Any]) -> None:
        fields["pagination"]["total"] += scene.value

    change_list(reply, promise)


def list_odd_items(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Put things into the list that are no entries."""

    def add(fields: dict[str, Any]) -> None:
        items: list[Any] = [None, "a device", [[]], 7] if fields["pagination"]["page"] == 1 else []
        fields["result"] += items
        fields["pagination"]["total"] += len(items)

    change_list(reply, add)


def list_odd_members(reply: CapturedAnswer, _scene: MutationContext) -> None:
    """Put members into each entry that are no JSON, or no UTF-8, as a stranger's may be."""
    odd = b'"note":"M\xfcller","\xff":1,"pair":"\\ud83d","cut":"\\u12","battery":NaN,"gain":-Infinity,'
    set_body(reply, reply.body.replace(b'"deviceid":', odd + b'"deviceid":'))

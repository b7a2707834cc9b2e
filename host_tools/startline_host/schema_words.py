"""What msgspec says of a file's value, in the words of the file: what it is, and what it must be."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from startline_host.errors import BadInput

#: What TOML's kinds of values are called.
KINDS = {
    "str": "a text in quotes", "int": "a whole number", "float": "a number with a point",
    "bool": "true or false", "array": "a list", "object": "a section", "date": "a date",
    "datetime": "a date and time", "time": "a time",
}  # fmt: skip
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_BOUNDS = {">=": "{} or more", "<=": "at most {}", ">": "more than {}", "<": "less than {}"}


def checked(raw: Any, kind: Any, within: str = "") -> Any:
    """Return what `msgspec.convert` makes of a value, which stands `within` a place of the file.

    Raises BadInput for one that breaks the schema: a clause with the field, what it is and must be.
    """
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise BadInput(_words(str(error), raw, kind, within)) from None


def unknown_name(name: str, known: Iterable[str], within: str = "") -> str:
    """Say that a place has no such field: the one that was meant, or all that there are."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    said = f"there is no field {_joined(within, name)}"
    return said + (f" (meant {close[0]}?)" if close else f"; there are {', '.join(known)}")


def kind_words(value: Any) -> str:
    """Return what TOML calls a value: "a list"."""
    names: dict[type, str] = {dict: "object", list: "array"}
    return KINDS.get(names.get(type(value), type(value).__name__), "something else")


def _words(text: str, raw: Any, kind: Any, within: str) -> str:
    text, _, place = text.partition(" - at `$")
    found, value, where = _flat(kind), raw, within
    for name, index in _STEP.findall(place.rstrip("`")):
        found = [inner for one in found for inner in _inside(one, name)]
        where = _joined(where, name) if name else f"{where}[{index}]"
        value = _member(value, name or index)
    if named := re.fullmatch(r"Object contains unknown field `(.*)`", text):
        known = [field for one in found if _is_struct(one) for field in one.__struct_fields__]
        return unknown_name(named[1], known, where)
    if named := re.fullmatch(r"Object missing required field `(.*)`", text):
        return f"there is no {_joined(where, named[1])}"
    if wanted := _wanted(text, found):
        shown = kind_words(value) if isinstance(value, dict | list) else _shown(value)
        if types_ := re.search(r", got `(\w+)`", text):
            shown = KINDS.get(types_[1], types_[1])
        return f"{where or 'it'} is {shown}; it must be {wanted}"
    return ": ".join(filter(None, [where, text[:1].lower() + text[1:]]))


def _wanted(text: str, found: list[Any]) -> str:
    """Return what a value must be; "" where that is not known."""
    choices = [choice for one in found for choice in _choices(one)]
    if choices:
        *most, last = (choice if isinstance(choice, str) else repr(choice) for choice in choices)
        return f"{', '.join(most)} or {last}" if most else last
    described = [
        meta.description
        for one in found
        for meta in get_args(one)[1:]
        if isinstance(meta, msgspec.Meta) and meta.description
    ]
    if described:
        return " or ".join(described)
    if bound := re.match(r"Expected `\w+` ([<>]=?) (\S+)", text):
        return _BOUNDS[bound[1]].format(bound[2])
    if kinds := re.fullmatch(r"Expected `([^`]*)`, got `\w+`", text):
        return " or ".join(KINDS.get(one, one) for one in kinds[1].split(" | ") if one != "null")
    return ""


def _flat(kind: Any) -> list[Any]:
    """Return the types that a type stands for; one with a description stays as it is."""
    if get_origin(kind) in {Union, types.UnionType}:
        return [one for inner in get_args(kind) for one in _flat(inner)]
    return [kind]


def _inside(kind: Any, name: str) -> list[Any]:
    """Return what the field of that name can be, or an item of a list."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if _is_struct(kind):
        return _flat(get_type_hints(kind, include_extras=True).get(name))
    items = [one for one in get_args(kind) if one is not Ellipsis]
    return _flat(items[-1]) if items else []


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _choices(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    return None


def _shown(value: Any) -> str:
    return repr(value) if not isinstance(value, bool) else str(value).lower()


def _joined(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name

"""Run by MicroPython: `repeat_calls.py LIB FILE` makes each call in FILE, and prints those that differ.

The file is what `call_recorder` has written. Printed are lines of JSON, [number, outcome], and the
number of calls last.
"""

import json
import sys
from binascii import hexlify, unhexlify

lib, path = sys.argv[1:]
sys.path[:] = [lib, ".frozen"]


def value(told):
    """Return what a JSON value stands for."""
    if isinstance(told, list):
        return [value(one) for one in told]
    if not isinstance(told, dict):
        return told
    kind = next(iter(told))
    inner = told[kind]
    if kind == "b":
        return unhexlify(inner)
    if kind == "t":
        return tuple([value(one) for one in inner])
    if kind == "s":
        return str(unhexlify(inner), "utf-8")
    module, name, members = inner
    __import__(module)
    made = getattr(sys.modules[module], name)()
    for member, one in members:
        setattr(made, member, value(one))
    return made


def plain(made):
    """Return a value as `call_recorder.plain` does."""
    if isinstance(made, str):
        raw = made.encode()
        return {"s": hexlify(raw).decode()} if len(raw) != len(made) else made
    if made is None or isinstance(made, (bool, int)):
        return made
    if isinstance(made, (bytes, bytearray, memoryview)):
        return {"b": hexlify(bytes(made)).decode()}
    if isinstance(made, (list, tuple)):
        inner = [plain(one) for one in made]
        return {"t": inner} if isinstance(made, tuple) else inner
    members = made if isinstance(made, dict) else made.__dict__
    inner = sorted([[name, plain(one)] for name, one in members.items()])
    return {"d": inner} if isinstance(made, dict) else {"o": [None, type(made).__name__, inner]}


def outcome(module: str, function: str, arguments: list):
    """Make a call; None is that it raised."""
    __import__(module)
    try:
        return plain(getattr(sys.modules[module], function)(*[value(one) for one in arguments]))
    except Exception:
        return None


with open(path) as file:
    calls = json.load(file)
for number, (module, function, arguments, wanted) in enumerate(calls):
    got = outcome(module, function, arguments)
    if isinstance(wanted, dict) and "o" in wanted:
        wanted["o"][0] = None  # a class does not know its module here
    # What is no number may be said by raising or by False, and texts of digits are not the same.
    if got != wanted and (got, wanted) != (None, False):
        print(json.dumps([number, got]))
print(len(calls))

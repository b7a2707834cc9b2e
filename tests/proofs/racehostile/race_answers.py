"""What a cloud may say to a race that nobody should trust, made from a seed."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from tests.proofs.hostile.fuzzed_answers import FILLER, broken, chunked, mutated, spoilt_head

OTHER = "5C" * 32
_COUNTS = ("-5", "0", "1", "4", "5", "6", "100", "255", "256", "65541", "5.0", "5e0", '"5"', '"x"',
           "null", "true", "[5]", '{"a":5}', "0x5", "9" * 30, "9" * 300, "NaN", '"5\\u0000"')  # fmt: skip
_TOKENS = (
    f'"{OTHER}"', f'"{OTHER[:-1]}"', f'"{OTHER}0"', f'["{OTHER}"]', "null", "5", '""',
    f'"{OTHER[:30]}\\r\\n{OTHER[30:]}"', f'" {OTHER}\\t"', '"' + " " * 130 + OTHER + '"',
    f'"{OTHER}","token_session":"{"6D" * 32}"', '"../../passings"', '"\\ud800"', f'{{"a":"{OTHER}"}}',
)  # fmt: skip
_WORDS = (
    "Session not found or closed", "Device not found", "Forbidden", "\\u0000\\u001b[2J", "x" * 3000,
    "\u202e\u00e9 " * 200,
)  # fmt: skip
_ITEMS = (
    '{"num_passing":null}', '{"num_passing":-1}', '{"num_passing":1e3}', '{"num_passing":"three"}',
    '{"num_passing":99999999999}', "{}", "null", "5", '[{"num_passing":0}]', '{"num_passing":[0]}',
    '{"num_passing":0,"num_passing":7000}', '{"num_passing":' + "9" * 300 + "}",
    f'{{"alias":"10 km sl.00000000","token_session":"{OTHER}"}}', '{"alias":5,"token_session":5}',
    f'{{"alias":" sl.","token_session":"{OTHER}"}}', '{"alias":"' + "a" * 5000 + '"}',
)  # fmt: skip
_STATUSES = (200, 200, 200, 201, 201, 201, 202, 204, 205, 301, 302, 307, 400, 401, 403, 404, 404, 408,
             409, 410, 413, 422, 425, 429, 500, 502, 503, 100, 103, 199, 999)  # fmt: skip
_MORE = ("Retry-After: 99999999999999999999", "Retry-After: -5", "Retry-After: Fri, 99 Foo 2026 aa",
         "Retry-After: 7", "Connection: close", "Location: http://elsewhere/v0/passings")  # fmt: skip
_KINDS = ("open", "open", "sessions", "send", "send", "send", "send", "list", "list", "close")
#: A count, or a number of a list, that may be that of a batch: whoever says it has to be right.
_MAY_COUNT = re.compile(rb'_(?:count|passing)[^a-z\d]*"?0*(?:100|[1-9]\d?)(?!\d)')
_LIES = {"send": 25, "list": 17}


@dataclass(frozen=True)
class RaceAnswer:
    """One case: `begin`, `size`, `end` and `slow_us` are as a `FuzzedAnswer` has them.

    `kind` of request gets it, from the `nth` on `times` times, in place of the right answer, and
    it is `done` or not. `lie` is 0, "twin", or the number of one that the cloud itself makes up
    (see `answering_cloud.lies`), `drops` are kinds of requests whose first is lost before,
    `next` so many passings come while it is answered. `reads` tells of the key, `task` that the
    sender runs as a task, `rush` that the bytes come faster than they are read.
    """

    seed: int
    kind: str
    begin: bytes = b""
    size: int = 0
    end: str = "close"
    slow_us: int = 0
    rush: bool = False
    nth: int = 0
    times: int = 1
    done: bool = False
    lie: int | str = 0
    drops: tuple[str, ...] = ()
    next: int = 3
    reads: bool = True
    task: bool = False

    def told(self, at: int) -> dict[str, Any]:
        """Return it for the VM; its bytes stand at that offset in a file."""
        fields = {name: value for name, value in asdict(self).items() if name != "begin"}
        return {**fields, "at": at, "length": len(self.begin)}


def make_race_answer(seed: int) -> RaceAnswer:
    """Return the case of a seed, always the same."""
    chance = Random(seed)
    kind = chance.choice(_KINDS)
    about: dict[str, Any] = {
        "kind": kind,
        "end": chance.choice(("close", "keep", "keep", "reset", "stall")),
        "slow_us": chance.choice((0, 0, 0, 0, 0, 0, 3_000, 200_000, 2_000_000)),
        "nth": chance.choice((0, 0, 0, 1)) if kind == "send" else 0,
        "times": chance.choice((1, 1, 1, 2, 3, 7)),
        "next": chance.choice((0, 1, 3, 3, 9)),
        "reads": kind in {"sessions", "list"} or chance.random() < 0.5,
        "task": chance.random() < 0.3,
        "done": chance.random() < 0.5,
        "drops": {"list": ("send",), "sessions": ("open",)}.get(kind, ()),
    }
    if kind in _LIES and chance.randrange(4) == 0:
        about.update(done=False, lie=1 + chance.randrange(_LIES[kind]))
        return RaceAnswer(seed, **about)
    if kind in {"send", "open", "list"} and chance.randrange(12) == 0:
        about.update(done=False, lie="twin", times=1, nth=0, end="keep", slow_us=0)
        about["next"] = 5 if kind == "open" else 3
        return RaceAnswer(seed, **about)
    way = chance.randrange(16)
    if way in {1, 2}:
        size = chance.choice((20_000, 500_000, 1 << 30))
        rush = chance.random() < 0.5
        about["slow_us"] = 0 if rush else max(about["slow_us"], 1_000)
        return RaceAnswer(seed, begin=_endless(chance), size=size, rush=rush, **about)
    body = _body(chance, kind).encode()
    data = chance.randbytes(chance.randrange(1500)) if way == 0 else _spoilt(chance, body, way)
    about["done"] = about["done"] or any(map(_MAY_COUNT.search, (body, data)))
    return RaceAnswer(seed, begin=data, size=len(data), **about)


def _body(chance: Random, kind: str) -> str:
    if kind in {"sessions", "list"}:
        items = ",".join(chance.choices(_ITEMS, k=chance.choice((0, 1, 2, 300))))
        return chance.choice(('{"result":[%s]}', '{"body":{"result":[%s]}}', '{"result":[[%s]]}',
                              '{"result":{"a":[%s]}}', "[%s]", '{"result":[%s],"pagination":{"total":9}}',
                              '{"result":[%s],"result":[]}')) % items  # fmt: skip
    fields = []
    for name, values in (
        ("inserted_count", _COUNTS), ("duplicate_count", _COUNTS), ("token_session", _TOKENS)
    ):  # fmt: skip
        if chance.randrange(3):
            fields.append(f'"{name}":{chance.choice(values)}')
    if chance.randrange(3) == 0:
        fields.append(f'"{chance.choice(("description", "message"))}":"{chance.choice(_WORDS)}"')
    chance.shuffle(fields)
    body = "{" + ",".join(fields) + "}"
    wraps = (
        "%s",
        "%s",
        "%s",
        '{"body":%s}',
        '{"body":{"body":%s}}',
        '{"a":%s}',
        "[%s]",
        '"%s"',
        "null%s",
    )
    return chance.choice(wraps) % body


def _spoilt(chance: Random, body: bytes, way: int) -> bytes:
    if way in {3, 4}:
        body = broken(chance, body)
    status = chance.choice(_STATUSES)
    line = f"HTTP/1.1 {status} Said" if chance.randrange(4) else None
    head = spoilt_head(chance, line, len(body))
    if chance.randrange(4) == 0:
        head.append(chance.choice(_MORE))
    if way == 5:
        head.append("Transfer-Encoding: chunked")
        body = chunked(chance, body)
    data = "\r\n".join(head).encode() + b"\r\n\r\n" + body
    if way in {6, 7, 8}:
        return mutated(chance, data)
    return data[: chance.randrange(len(data) + 1)] if way == 9 else data


def _endless(chance: Random) -> bytes:
    head = b"HTTP/1.1 200 OK\r\n"
    fillers = (b"X-More: and more\r\n", b" " * 64, b"[" * 64, b'{"a":', b"\xff\x00", b'\\"', b"\r\n",
               b"1\r\nx\r\n", b'5;x=y\r\n{"a"\r\n', b'{"num_passing":7000},', b"Z: " + b"z" * 90)  # fmt: skip
    starts = (b"", b'{"result":[', b'{"description":"', b"FFFFFFF\r\n", b"F" * 90 + b"\r\n")
    way = chance.randrange(4)
    if way == 0:
        head = b"HTTP/1.1 100 Continue\r\n\r\n" * chance.choice((0, 1, 300)) + head
    elif way == 1:
        head += b"Transfer-Encoding: chunked\r\n\r\n" + chance.choice(
            (b"", b"0\r\n", b"2\r\n{}\r\n0\r\n")
        )
    elif way == 2:
        head += b"\r\n" + chance.choice(starts)
    filler = chance.choice(fillers)
    return head + (filler * (FILLER // len(filler) + 1))[:FILLER]

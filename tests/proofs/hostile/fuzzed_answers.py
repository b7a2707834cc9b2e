"""Answers that no client should trust, made from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

TOKEN = "65A1B7E0C6BC3D32C268C1506E3F6F39E225DC6ED79573E177E7243E8E38115B"
_GOOD = f'{{"description":"Device binded succesfully","deviceid":"{TOKEN}"}}'
_BODIES = (
    _GOOD,
    f'{{"body":{_GOOD}}}',
    f'{{\n "description":"Device binded succesfully" "deviceid":"{TOKEN}"\n}}',
    f'{{"deviceid":"{TOKEN[:-1]}"}}',
    f'{{"deviceid":["{TOKEN}"]}}',
    '{"deviceid":null}',
    '{"deviceid":' + "9" * 300 + "}",
    f'{{"deviceid":"{TOKEN}","deviceid":"{"A" * 64}"}}',
    '{"description":"a\x00b\x1b[2Jc\x7f\u009b1m","deviceid":1e999}',
    '{"description":{"description":[{}]},"message":[]}',
    '{"description":"\\ud800\\udc00\\ud800 \\u0000 \\x"}',
    '{"description":"' + "\u202e\u00e9 " * 900 + '"}',
    f'{{"body":{{"body":{{"body":{_GOOD}}}}}}}',
    '{"description":["' + '","' * 900 + '"]}',
    "[" + "0," * 1900 + "0]",
    "{" + '"a" ' * 900 + "}",
    "null",
    "[]",
    f'"{TOKEN}"',
    "",
    "<html>" + "<p>login</p>" * 300,
)
_LISTS = (
    '{"description":"Success","result":[],"pagination":{}}',
    f'{{"result":[{{"deviceid":"{TOKEN}","firmware":"x","serial_number":"UNIT-7 "}}]}}',
    '{"body":{"result":[{"serial_number":"unit-7"}]}}',
    f'{{"result":[[[{{"deviceid":"{TOKEN}"}}]]]}}',
    f'{{"result":{{"deviceid":"{TOKEN}"}}}}',
    '{"result":[{"firmware":"\\u00e9\\ud83d\\ude00","serial_number":7}]}',
    '{"result":[{"a":"' + "\\\\\\n" * 60 + '"}]',
    '{"result":[' + ",".join([f'{{"deviceid":"{TOKEN}"}}'] * 300) + "]}",
)
_LINES = (
    "HTTP/1.1 201 Created",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 200",
    "HTTP/1.1 201 \x00\xff",
    "HTTP/2 201 Created",
    "HTTP/1.1 2010 Created",
    "HTTP/1.1 -01 Created",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/",
    "HTTP/1.1 307 Again\r\nLocation: /v0/devices",
    "HTTP/1.1 400 Bad",
    "HTTP/1.1 409 Conflict",
    "HTTP/1.1 429 Slow\r\nRetry-After: 99999999999999999999",
    "HTTP/1.1 429 Slow\r\nRetry-After: Fri, 99 Foo 2026 aa:bb:cc GMT",
    "HTTP/1.1 500 Oh",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created",
    "HTTP/1.1 103 Early\r\n\r\n" * 3 + "HTTP/1.1 201 Created",
    "ICY 200 OK",
    "",
    "\r\n\r\n",
)
_HEADERS = (
    "Content-Length: -5",
    "Content-Length: 99999999999999999999",
    "Content-Length: " + "9" * 900,
    "Content-Length: 0x10",
    "Content-Length: 7\r\nContent-Length: 70",
    "Content-Length:",
    "Content-Length: \u0663",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "X: " + "y" * 700,
    "no colon here",
    ": no name",
    " folded\r\n\tline",
    "\x00\x01\x02: \xff",
    "Connection: keep-alive",
    "Content-Encoding: gzip",
)
#: Every so often an answer is one to the list of devices rather than to the request that binds.
_LIST_EVERY = 3
#: What repeats behind the beginning of an answer that is longer than anyone would keep.
FILLER = 4096


@dataclass(frozen=True)
class FuzzedAnswer:
    """What a cloud says: `size` bytes, `begin` and then its last 4096 over and over.

    `end` is what comes after it: "close", "reset" or "stall"; `slow_us` what each byte takes.
    `in_list` says that it answers a look rather than the request that binds.
    """

    seed: int
    begin: bytes
    size: int
    end: str
    slow_us: int
    in_list: bool


def make(seed: int) -> FuzzedAnswer:
    """Return the answer of a seed, always the same."""
    chance = Random(seed)
    in_list = seed % _LIST_EVERY == 0
    end = chance.choice(("close", "close", "reset", "stall"))
    slow = chance.choice((0, 0, 0, 0, 0, 0, 0, 3_000, 200_000, 2_000_000))
    way = chance.randrange(16)
    if way == 1:
        # A line has a speed: what never ends takes time.
        size = chance.choice((20_000, 500_000, 1 << 30))
        return FuzzedAnswer(seed, _endless(chance), size, end, max(slow, 2_000), in_list)
    data = (
        chance.randbytes(chance.randrange(1500))
        if way == 0
        else _spoil(chance, way, in_list=in_list)
    )
    return FuzzedAnswer(seed, data, len(data), end, slow, in_list)


def _spoil(chance: Random, way: int, *, in_list: bool) -> bytes:
    body = chance.choice(_LISTS if in_list else _BODIES).encode()
    if way in {2, 3}:
        body = broken(chance, body)
    line = None if chance.randrange(3) == 0 else "HTTP/1.1 200 OK"
    head = spoilt_head(chance, line, len(body))
    if way == 4:
        head.append("Transfer-Encoding: chunked")
        body = chunked(chance, body)
    data = "\r\n".join(head).encode() + b"\r\n\r\n" + body
    if way in {5, 6, 7}:
        return mutated(chance, data)
    return data[: chance.randrange(len(data) + 1)] if way == 8 else data


def spoilt_head(chance: Random, line: str | None, length: int) -> list[str]:
    """Return the lines of a head: a strange status for None, strange fields, or a wrong length."""
    head = [line or chance.choice(_LINES), *chance.choices(_HEADERS, k=chance.randrange(3))]
    if chance.randrange(2):
        head.append(f"Content-Length: {length + chance.choice((0, 0, 0, 1, -1, 500))}")
    return head


def _endless(chance: Random) -> bytes:
    head = b"HTTP/1.1 201 Created\r\n"
    entry = b'{"deviceid":"%s","serial_number":"UNIT-9","firmware":"1"},' % TOKEN.encode()
    fillers = (b"X-More: and more\r\n", b" " * 64, b"[" * 64, b'{"a":', b"\xff\x00", b'\\"', entry)
    starts = (b"", b'{"result":[', b'{"description":"', b"FFFFFFF\r\n", b"F" * 90 + b"\r\n")
    if chance.randrange(2):
        head += b"\r\n" + chance.choice(starts)
    filler = chance.choice(fillers)
    return head + (filler * (FILLER // len(filler) + 1))[:FILLER]


def broken(chance: Random, body: bytes) -> bytes:
    """Return a body that is cut, opened without end, doubled, or noise within quotes."""
    way = chance.randrange(4)
    if way == 0:
        return body[: chance.randrange(len(body) + 1)]
    if way == 1:
        return (
            chance.choice((b"[", b"{", b'{"a":')) * chance.choice((5, 31, 200, 900, 5000)) + body
        )
    if way == 2:
        return b'{"description":"' + chance.randbytes(chance.randrange(300)) + b'"}'
    return body + body


def chunked(chance: Random, body: bytes) -> bytes:
    """Return a body in chunks, some of which lie about their length."""
    data = b""
    longest = max(60, len(body) // 20)
    while body:
        size = 1 + chance.randrange(longest)
        said = chance.choice((0, size + 9, -size, 1 << 40)) if chance.randrange(8) == 0 else size
        data += b"%x%s\r\n" % (said, chance.choice((b"", b"", b";x=y"))) + body[:size] + b"\r\n"
        body = body[size:]
    return data + chance.choice((b"0\r\n\r\n", b"", b"0\r\nTrailer: x\r\n\r\n", b"zz\r\n"))


def mutated(chance: Random, data: bytes) -> bytes:
    """Return bytes of which a few are others, gone, or new."""
    for _ in range(1 + chance.randrange(8)):
        at = chance.randrange(len(data) + 1)
        way = chance.randrange(3)
        if way == 0:
            data = data[:at] + chance.randbytes(1) + data[at + 1 :]
        elif way == 1:
            data = data[:at] + data[at + 1 + chance.randrange(4) :]
        else:
            data = data[:at] + chance.randbytes(1 + chance.randrange(3)) + data[at:]
    return data

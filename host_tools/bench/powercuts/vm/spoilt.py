"""Answers that no client should trust, made from a seed: what the agent is fed by the thousand."""

_TOKEN = "65A1B7E0C6BC3D32C268C1506E3F6F39E225DC6ED79573E177E7243E8E38115B"  # noqa: S105
_GOOD = '{"description":"Device binded succesfully","deviceid":"%s"}' % _TOKEN
_BODIES = (
    _GOOD,
    '{"body":%s}' % _GOOD,
    '{\n "description":"Device binded succesfully" "deviceid":"%s"\n}' % _TOKEN,
    '{"deviceid":"%s"}' % _TOKEN[:-1],
    '{"deviceid":["%s"]}' % _TOKEN,
    '{"deviceid":null}',
    '{"deviceid":%s}' % ("9" * 300),
    '{"deviceid":"%s","deviceid":"%s"}' % (_TOKEN, "A" * 64),
    '{"description":"a\x00b\x1b[2Jc\x7f\u009b1m","deviceid":1e999}',
    '{"description":{"description":[{}]},"message":[]}',
    '{"description":"\\ud800\\udc00\\ud800 \\u0000 \\x"}',
    '{"body":{"body":{"body":%s}}}' % _GOOD,
    "null",
    "[]",
    '"%s"' % _TOKEN,
    "",
    "<html>" + "<p>login</p>" * 40,
)
_LISTS = (
    '{"description":"Success","result":[],"pagination":{}}',
    '{"result":[{"deviceid":"%s","firmware":"x","serial_number":"UNIT-7 "}]}' % _TOKEN,
    '{"body":{"result":[{"serial_number":"unit-7"}]}}',
    '{"result":[[[{"deviceid":"%s"}]]]}' % _TOKEN,
    '{"result":{"deviceid":"%s"}}' % _TOKEN,
    '{"result":[{"firmware":"\\u00e9\\ud83d\\ude00","serial_number":7}]}',
    '{"result":[{"a":"' + "\\\\\\n" * 60 + '"}]',
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


class Long:
    """Bytes of any length that take no memory: a beginning, then a filler over and over."""

    def __init__(self, begin: bytes, filler: bytes, size: int) -> None:
        self._begin = begin
        self._filler = filler
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part):
        start, stop = part.start, min(part.stop, self._size)
        if start < len(self._begin):
            return self._begin[start : min(stop, len(self._begin))]
        at = (start - len(self._begin)) % len(self._filler)
        return self._filler[at : at + stop - start]


def answer(chance, is_list: bool) -> tuple:
    """Return (bytes or Long, how the connection ends, microseconds a byte) of one answer."""
    way = chance.below(16)
    if way == 0:
        data = chance.bytes(chance.below(1500))
    elif way == 1:
        data = _long(chance)
    else:
        body = chance.pick(_LISTS if is_list else _BODIES).encode()
        if way in (2, 3):
            body = _broken(chance, body)
        line = "HTTP/1.1 200 OK" if chance.below(3) else chance.pick(_LINES)
        head = [line] + [chance.pick(_HEADERS) for _ in range(chance.below(3))]
        if chance.below(2):
            head.append("Content-Length: %d" % (len(body) + chance.pick((0, 0, 0, 1, -1, 500))))
        if way == 4:
            head.append("Transfer-Encoding: chunked")
            body = _chunks(chance, body)
        data = "\r\n".join(head).encode() + b"\r\n\r\n" + body
        if way in (5, 6, 7):
            data = _mutated(chance, data)
        elif way == 8:
            data = data[: chance.below(len(data) + 1)]
    slow = chance.pick((0, 0, 0, 0, 0, 0, 0, 3_000, 200_000, 2_000_000))
    if isinstance(data, Long):
        slow = max(slow, 2_000)  # a line has a speed: what never ends takes time
    return data, chance.pick(("close", "close", "reset", "stall")), slow


def _long(chance):
    head = b"HTTP/1.1 201 Created\r\n"
    filler = chance.pick((b"X-More: and more\r\n", b" " * 50, b"[" * 64, b'{"a":', b"\xff\x00"))
    if chance.below(2):
        head += b"\r\n" + chance.pick((b"", b'{"result":[', b'{"description":"', b"FFFFFFF\r\n"))
    return Long(head, filler * (4096 // len(filler) + 1), chance.pick((20_000, 500_000, 1 << 30)))


def _broken(chance, body: bytes) -> bytes:
    way = chance.below(4)
    if way == 0:
        return body[: chance.below(len(body) + 1)]
    if way == 1:
        return chance.pick((b"[", b"{", b'{"a":')) * chance.pick((5, 31, 200, 700)) + body
    if way == 2:
        return b'{"description":"' + chance.bytes(chance.below(300)) + b'"}'
    return body + body


def _chunks(chance, body: bytes) -> bytes:
    data = b""
    while body:
        size = 1 + chance.below(60)
        said = size if chance.below(8) else chance.pick((0, size + 9, -size, 1 << 40))
        data += b"%x%s\r\n" % (said, chance.pick((b"", b"", b";x=y"))) + body[:size] + b"\r\n"
        body = body[size:]
    return data + chance.pick((b"0\r\n\r\n", b"", b"0\r\nTrailer: x\r\n\r\n", b"zz\r\n"))


def _mutated(chance, data: bytes) -> bytes:
    for _ in range(1 + chance.below(8)):
        at = chance.below(len(data) + 1)
        way = chance.below(3)
        if way == 0:
            data = data[:at] + chance.bytes(1) + data[at + 1 :]
        elif way == 1:
            data = data[:at] + data[at + 1 + chance.below(4) :]
        else:
            data = data[:at] + chance.bytes(1 + chance.below(3)) + data[at:]
    return data

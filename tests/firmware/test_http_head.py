"""The head of an answer, by itself: what is taken from it, and what is none."""

from __future__ import annotations

import io

import pytest
from startline.net import StepFailed
from startline.net.http_head import HttpHead

_OK = b"HTTP/1.1 200 OK\r\n"
_BUDGET = 8192


def read(raw: bytes) -> tuple[HttpHead, bytes]:
    """Read a head and return it with what is left behind it."""
    stream = io.BytesIO(raw)
    head = HttpHead(stream.readinto)
    return head, stream.read()


@pytest.mark.parametrize(
    ("raw", "status", "length", "chunked"),
    [
        (_OK, 200, -1, False),
        (b"HTTP/1.0 201\r\n", 201, -1, False),
        (b"\r\n\r\nHTTP/1.1   404   Not   Found\r\n", 404, -1, False),
        (b"HTTP/1.1 204 None\r\nContent-Length: 7\r\n", 204, 0, False),
        (b"HTTP/1.1 304 None\r\nTransfer-Encoding: chunked\r\n", 304, 0, False),
        (b"HTTP/1.1 205 None\r\nContent-Length: 7\r\n", 205, 7, False),
        (_OK + b"Content-Length: 12\r\n", 200, 12, False),
        (_OK + b"content-length:0\r\n", 200, 0, False),
        (_OK + b"CONTENT-LENGTH : 12 \r\n", 200, 12, False),
        (_OK + b"Content-Length:\t12\n", 200, 12, False),
        (_OK + b"Content-Length: 12, 12\r\nContent-Length: 12\r\n", 200, 12, False),
        (_OK + b"Content-Length:\r\n 12\r\n", 200, 12, False),
        (_OK + b"Content-Length: " + b" " * 300 + b"12\r\n", 200, 12, False),
        (_OK + b"X-Content-Length: 12\r\nContent-Length-X: 13\r\n", 200, -1, False),
        (_OK + b"no field at all\r\nContent-Length: 3\r\n", 200, 3, False),
        (_OK + b"Transfer-Encoding: chunked\r\n", 200, -1, True),
        (_OK + b"Transfer-Encoding: gzip, Chunked \r\nContent-Length: 5\r\n", 200, -1, True),
        (_OK + b"Transfer-Encoding: chunked, gzip\r\n", 200, -1, False),
        (_OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 200, -1, False),
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" + _OK, 200, -1, False),
        (b"HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _OK, 200, -1, False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + _OK, 200, -1, False),
        (b"HTTP/1.1 199 No\r\n\r\n" + _OK + b"Content-Length: 4\r\n", 200, 4, False),
    ],
)  # fmt: skip
def test_what_a_head_says(raw: bytes, status: int, length: int, chunked: bool) -> None:
    """Status and length are those of the final answer, and its body begins behind it."""
    head, left = read(raw + b"\r\nbody")
    assert (head.status, head.length, head.chunked) == (status, length, chunked)
    assert left == b"body"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 +20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"<html>\r\n\r\n",
        _OK + b"Content-Length: x\r\n\r\n",
        _OK + b"Content-Length: -1\r\n\r\n",
        _OK + b"Content-Length: \r\n\r\n",
        _OK + b"Content-Length: 12, 13\r\n\r\n",
        _OK + b"Content-Length: 12\r\nContent-Length: 13\r\n\r\n",
        _OK + b"Content-Length: " + b"1" * 100 + b"\r\n\r\n",
        _OK + b"X: " + b"x" * _BUDGET + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 400 + _OK + b"\r\n",
    ],
)
def test_what_is_no_head(raw: bytes) -> None:
    """Another protocol, a length that is none or two, and what never ends, are refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - it has no words
        read(raw)


def test_the_budget_of_all_heads() -> None:
    """8 KiB are read of what comes before a body, and not a byte more."""
    end = b"\r\n\r\n"
    filling = _OK + b"X: "
    fits = filling + b"x" * (_BUDGET - len(filling) - len(end)) + end
    assert read(fits + b"body")[1] == b"body"
    with pytest.raises(ValueError):  # noqa: PT011 - it has no words
        read(fits[: len(filling)] + b"x" + fits[len(filling) :])


def test_a_head_that_is_cut() -> None:
    """Wherever it ends before its empty line, it is cut."""
    whole = b"HTTP/1.1 100 Continue\r\n\r\n" + _OK + b"Content-Length: 1\r\n\r\n"
    for size in range(len(whole)):
        with pytest.raises(StepFailed, match="cut"):
            read(whole[:size])
    assert read(whole)[0].length == 1


def test_what_is_kept_of_other_fields() -> None:
    """Retry-After and Date are those of the final head, in lower case, and "" where it has none."""
    fields = b"Retry-After: Soon\r\nDate:  Wed, 18 Nov 2026 09:30:00 GMT \r\n\r\n"
    head, _ = read(_OK + fields)
    assert (head.retry_after, head.date) == (b"soon", b"wed, 18 nov 2026 09:30:00 gmt")
    head, _ = read(b"HTTP/1.1 100 Continue\r\n" + fields + _OK + b"\r\n")
    assert (head.retry_after, head.date) == (b"", b"")

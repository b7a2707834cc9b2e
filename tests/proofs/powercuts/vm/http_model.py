"""As much of HTTP as a cloud model needs: requests taken apart, answers put together."""

REASONS = {200: "OK", 201: "Created", 204: "No Content", 429: "Too Many Requests"}


class HttpRequest:
    """A whole request: method, path without its query, query as a dict, headers in lower case."""

    def __init__(self, head: bytes, body: bytes) -> None:
        lines = str(head, "utf-8").split("\r\n")
        self.method, target, _ = lines[0].split(" ")
        self.path, _, query = target.partition("?")
        self.query = dict([part.split("=", 1) for part in query.split("&") if "=" in part])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = body


def whole(received: bytes) -> "HttpRequest | None":
    """Return the request if all of it is there."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    request = HttpRequest(received[:end], received[end + 4 :])
    if len(request.body) < int(request.headers.get("content-length", "0")):
        return None
    return request


def answer(status: int, body: bytes, more: str = "") -> bytes:
    """Return an answer's bytes; `more` are header lines that each end with CRLF."""
    head = "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n" % (
        status,
        REASONS.get(status, "Said"),
        len(body),
        more,
    )
    return head.encode() + body


def marks(data: bytes) -> tuple:
    """Return the offsets of an answer that tell cuts apart: ends of its parts, and inside them."""
    first = data.find(b"\r\n") + 2
    head = data.find(b"\r\n\r\n") + 4
    size = len(data)
    return tuple(sorted({0, 1, first, head, (head + size) // 2, max(head, size - 1), size}))

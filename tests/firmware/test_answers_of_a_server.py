"""Whatever a server answers, the reader ends in the state that the table of answers names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.firmware.harness import HERE, KEY, Boot, HarnessReader, factory_image, settings_for
from tests.firmware.scripted import BODY, TOKEN, Script, ScriptedServer, answer

OLD = str(HERE / "requests_of_1_23")


def boot_against(
    tmp_path: Path, lib: Path, *scripts: Script, old: bool = False, limit: int = 90
) -> tuple[Boot, list[bytes], HarnessReader]:
    """Boot a blank reader once against a server; return what both saw."""
    with ScriptedServer(*scripts) as server:
        settings = settings_for(server.base_url, server.ca_der, boot_limit=limit)
        reader = HarnessReader(tmp_path / "reader", lib, factory_image(settings))
        if old:
            reader.path.insert(0, OLD)
        boot = reader.boot()
        return boot, server.requests, reader


def chunked(*pieces: bytes) -> bytes:
    """Write an answer in chunks."""
    body = b"".join(b"%x;note=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return answer(body=body + b"0\r\n\r\n", headers=["Transfer-Encoding: chunked"], length=False)


def interim(*headers: str, status: str = "100 Continue") -> bytes:
    """Write the head of an answer that comes before the final one."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


BOUND = {
    "with a length": [answer()],
    "200": [answer("200 OK")],
    "without a length": [answer(length=False)],
    "in chunks": [chunked(BODY[:7], BODY[7:30], BODY[30:])],
    "in chunks, with a length that lies": [
        answer(
            body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
            headers=["Transfer-Encoding: chunked", "Content-Length: 3"],
            length=False,
        )
    ],
    "after an interim answer": [b"HTTP/1.1 100 Continue\r\n\r\n", answer()],
    "after an interim answer without a body": [interim("Content-Length: 0"), answer()],
    "after an interim answer of a length": [interim("Content-Length: 7"), answer()],
    "after an interim answer of two lengths": [
        interim("Content-Length: 7", "Content-Length: 8"),
        answer(),
    ],
    "after hints in chunks": [
        interim("Transfer-Encoding: chunked", status="103 Early Hints"),
        answer(length=False),
    ],
    "after an interim answer whose chunks end": [
        interim("Transfer-Encoding: chunked") + b"0\r\n\r\n",
        answer(),
    ],
    "after several interim answers": [interim("Content-Length: 0") * 5, answer(length=False)],
    "after an empty line": [b"\r\n", answer()],
    "in chunks after an interim answer": [interim("Content-Length: 0"), chunked(BODY)],
    "in the last of two codings": [
        answer(
            body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
            headers=["Transfer-Encoding: identity, Chunked", "Content-Length: 3, 4"],
            length=False,
        )
    ],
    "with the same length twice": [answer(headers=[f"Content-Length: {len(BODY)}"])],
    "with the same length twice in a line": [
        answer(headers=[f"content-length:{len(BODY)} ,{len(BODY):06}"], length=False)
    ],
    "with a folded length": [
        answer(headers=["Content-Length:", f" \t {len(BODY)}"], length=False)
    ],
    "with a length that is another field's": [
        answer(headers=["X-Note: see", " Content-Length: 3", "\tTransfer-Encoding: chunked"])
    ],
    "with an empty fold": [answer(headers=["X-Note:", "  "])],
    "with lines that are no fields": [answer(headers=["Content-Length 3", "and so on"])],
    "with blanks around": [
        answer(headers=[f"Content-Length \t : {' ' * 300}{len(BODY)}\t"], length=False)
    ],
    "byte by byte": [bytes((byte,)) for byte in answer()],
    "and the connection stays open": [answer(), 60.0],
    "with a Location": [answer(headers=["Location: http://127.0.0.1:1/elsewhere"])],
    "with many headers": [answer(headers=[f"X-{n}: {'y' * 90}" for n in range(50)])],
    "with a line longer than any buffer": [answer(headers=["X-Long: " + "y" * 4000])],
    "with bare line feeds": [answer().replace(b"\r\n", b"\n")],
    "lower case": [answer(body=BODY.lower())],
}


@pytest.mark.parametrize("old", [False, True], ids=["today", "1.23"])
@pytest.mark.parametrize("script", BOUND.values(), ids=BOUND.keys())
def test_an_answer_with_a_token_binds(
    tmp_path: Path, lib: Path, script: Script, old: bool
) -> None:
    """A well-formed token in a 2xx answer binds, however the bytes come, with either `requests`."""
    boot, requests, reader = boot_against(tmp_path, lib, script, old=old)
    assert (boot.state, boot.end["token"].upper()) == ("bound", TOKEN)
    assert reader.states() == ("bound", "bound")
    assert len(requests) == 1


UNKNOWN = {
    "nothing": ([], "cut"),
    "a reset": ([None], "cut"),
    "half a status line": ([b"HTTP/1.1 20"], "cut"),
    "half a head": ([b"HTTP/1.1 201 Created\r\nContent-"], "cut"),
    "half a body": ([answer()[:-20]], "no_token"),
    "a token that is too short": ([answer(body=BODY.replace(b"65A1", b"65A"))], "unfit_token"),
    "a token that is no hex": ([answer(body=BODY.replace(b"65A1", b"65AX"))], "unfit_token"),
    "a token that is a number": ([answer(body=b'{"deviceid":12345}')], "unfit_token"),
    "a token in a list": ([answer(body=b"[" + BODY + b"]")], "no_token"),
    "202": ([answer("202 Accepted")], "Device binded succesfully"),
    "204": ([answer("204 No Content", b"")], "status 204"),
    "no HTTP": ([b"220 mail.example.com ESMTP\r\n" * 3], "garbage"),
    "HTTP/2": ([b"HTTP/2 201\r\n\r\n"], "garbage"),
    "a status of four digits": ([answer("2010 Created")], "garbage"),
    "a head without end": ([b"HTTP/1.1 201 Created\r\n", b"X: y\r\n" * 3000], "garbage"),
    "a length that is none": (
        [answer(headers=["Content-Length: much"], length=False)],
        "garbage",
    ),
    "a length below 0": ([answer(headers=["Content-Length: -1"], length=False)], "garbage"),
    "two lengths": ([answer(headers=["Content-Length: 3"])], "garbage"),
    "two lengths in a line": (
        [answer(headers=[f"Content-Length: {len(BODY)}, 3"], length=False)],
        "garbage",
    ),
    "a length with a sign": (
        [answer(headers=[f"Content-Length: +{len(BODY)}"], length=False)],
        "garbage",
    ),
    "a length of many digits": (
        [answer(headers=["Content-Length: " + f"{len(BODY):0200}"], length=False)],
        "garbage",
    ),
    "a status with a sign": ([answer("+20 Created")], "garbage"),
    "a status below 100": ([answer("099 Created"), answer()], "garbage"),
    "nothing but interim answers": ([interim("Content-Length: 0") * 300], "garbage"),
    "an interim answer and no more": ([interim("Content-Length: 0")], "cut"),
    "chunks that are none": (
        [answer(body=b"zz\r\n\r\n", headers=["Transfer-Encoding: chunked"], length=False)],
        "no_token",
    ),
    "deep JSON": ([answer(body=b"[" * 4000)], None),
    "a huge body": ([answer(body=b'{"description":"' + b"x" * 100_000)], None),
    "HTML": ([answer("200 OK", b"<html><body>Log in</body></html>")], None),
    "null": ([answer("500 Internal Server Error", b"null")], "status 500"),
    "408": ([answer("408 Request Timeout", b'{"message":"slow"}')], "slow"),
    "409": ([answer("409 Conflict", b'{"description":"exists"}')], "exists"),
    "425": ([answer("425 Too Early", b"")], "status 425"),
    "500": ([answer("500 Internal Server Error", b"")], "status 500"),
    "503": ([answer("503 Service Unavailable", b"busy\x1b[31m\x07")], "busy [31m"),
    "301": ([answer("301 Moved", b"", ["Location: https://localhost:1/x"])], "status 301"),
}


@pytest.mark.parametrize("old", [False, True], ids=["today", "1.23"])
@pytest.mark.parametrize(("script", "reason"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_anything_else_is_unknown(
    tmp_path: Path, lib: Path, script: Script, reason: str | None, old: bool
) -> None:
    """What is neither a token nor a refusal leaves `unknown` in both copies, and no traceback."""
    # 60 s: the looks that follow get the same answer, and end with it.
    boot, requests, reader = boot_against(tmp_path, lib, script, old=old, limit=20)
    assert boot.state == "unknown"
    assert reader.states() == ("unknown", "unknown")
    assert sum(request.startswith(b"POST") for request in requests) == 1
    assert "Traceback" not in boot.text
    if reason is not None:
        assert boot.one("answer")["reason"] == reason


@pytest.mark.parametrize("old", [False, True], ids=["today", "1.23"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(tmp_path: Path, lib: Path, status: int, old: bool) -> None:
    """No host but the provisioned one sees a connection, let alone the key."""
    with ScriptedServer([answer()], tls=False) as trap:
        location = trap.base_url + "/devices"
        script = [answer(f"{status} Moved", b"", [f"Location: {location}"])]
        boot, _, _ = boot_against(tmp_path, lib, script, old=old, limit=20)
        assert boot.state == "unknown"
        assert boot.one("answer")["status"] == status
        assert trap.requests == []


REFUSED = {
    "in the documented form": (
        b'{ description: "Missing model", }',
        "Missing model",
    ),
    "in JSON": (b'{"description":"Missing model"}', "Missing model"),
    "in the body": ('{"body":{"message":"Numéro déjà utilisé"}}'.encode(), "Numéro déjà utilisé"),
    "with control characters": (b'{"description":"a\\u001b[2Jb\\u202ec\\r\\nd"}', "a [2Jb c d"),
    "in bytes that are no text": (b"\xff\xfe\x80 no", "no"),
    "at length": (b'{"description":"' + b"x" * 300 + b'"}', "x" * 96),
    "in text": (b"Missing model", "Missing model"),
    "in an odd type": (b'{"description":{"a":["b",1]}}', "b"),
    "in two documents": (b'{"message":"m"}{"description":"d"}', "d"),
    "with a token in them": (
        b'{"description":"%s exists"}' % TOKEN.lower().encode(),
        "... exists",
    ),
    "with our key in them": (b'{"message":"key %s is dead"}' % KEY.encode(), "key ..."),
    "with JSON in them": (b'{"message":"no: {\\"a\\": 1}"}', "no:"),
    "in JSON within JSON": (b'{"body":"{\\"message\\":\\"m\\"}"}', "m"),
}


#: What says nothing to people: then the status is the reason.
WORDLESS = {
    "nothing": b"", "null": b"null", "a number": b"123", "JSON without words": b'{"a":{"b":[1]}}',
    "a list": b'["no"]', "words of no use": b'{"description":null,"message":5}',
}  # fmt: skip


@pytest.mark.parametrize("body", WORDLESS.values(), ids=WORDLESS.keys())
def test_without_words_the_status_is_the_reason(tmp_path: Path, lib: Path, body: bytes) -> None:
    """A reason is never empty, and never JSON."""
    boot, _, _ = boot_against(tmp_path, lib, [answer("404 Not Found", body)])
    assert (boot.state, boot.reason) == ("refused", "status 404")


@pytest.mark.parametrize(("body", "words"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found"])
def test_a_refusal_is_kept_in_the_clouds_words(
    tmp_path: Path, lib: Path, status: str, body: bytes, words: str
) -> None:
    """Other 4xx are `refused`, with the reason stripped of controls and cut to 96 bytes."""
    boot, requests, reader = boot_against(tmp_path, lib, [answer(status, body)])
    assert (boot.state, boot.reason) == ("refused", words or f"status {status[:3]}")
    first, second = reader.copies()
    assert not isinstance(first, str)
    assert (first.reason, first.status) == (words, int(status[:3]))
    assert first.__dict__ == second.__dict__
    assert len(requests) == 1


def test_a_silent_server_is_left_at_the_deadline(tmp_path: Path, lib: Path) -> None:
    """A server that takes the request and says nothing costs the exchange's time, and no more."""
    boot, requests, _ = boot_against(tmp_path, lib, [60.0], limit=6)
    assert (boot.state, boot.one("answer")["reason"]) == ("unknown", "timeout")
    assert len(requests) == 1


def test_a_dripping_server_is_left_at_the_deadline(tmp_path: Path, lib: Path) -> None:
    """Bytes that come slower than the deadline allows do not keep it from passing."""
    drip: list[bytes | float | None] = [
        item for byte in answer() for item in (bytes((byte,)), 0.2)
    ]
    boot, _, _ = boot_against(tmp_path, lib, drip, limit=6)
    assert (boot.state, boot.one("answer")["reason"]) == ("unknown", "timeout")


def test_a_token_that_came_before_the_cut_counts(tmp_path: Path, lib: Path) -> None:
    """A complete answer is not lost for a connection that then stays open or lies of its length."""
    # The reset comes behind what was read: a kernel may drop what still waits.
    script: list[bytes | float | None] = [
        answer(headers=["Content-Length: 5000"], length=False),
        0.2,
        None,
    ]
    assert boot_against(tmp_path, lib, script)[0].state == "bound"


def test_too_many_requests_is_asked_again_after_the_said_time(tmp_path: Path, lib: Path) -> None:
    """After 429 the reader waits at least as told, at most twice as long, and has a new id."""
    busy = [answer("429 Too Many Requests", b"", ["Retry-After: 7"])]
    boot, requests, _ = boot_against(tmp_path, lib, busy, [answer()])
    assert boot.state == "bound"
    wait = boot.one("wait")["next_ms"]
    assert 7000 <= wait < 14_000
    assert wait in boot.end["slept"]
    assert len(requests) == len({event["id"] for event in boot.all("attempt")}) == 2


def test_an_interim_answer_asks_for_no_wait(tmp_path: Path, lib: Path) -> None:
    """A Retry-After that stood in an interim answer is not the final one's."""
    script = [interim("Retry-After: 3000"), answer("429 Too Many Requests", b"")]
    boot, requests, _ = boot_against(tmp_path, lib, script, [answer()])
    assert boot.state == "bound"
    assert boot.one("wait")["next_ms"] < 61_000
    assert len(requests) == 2


def test_a_server_that_always_puts_off_is_asked_a_few_times(tmp_path: Path, lib: Path) -> None:
    """With Retry-After: 1 for ever, pauses grow, requests end, and flash is spared; so in a retry."""
    busy = [answer("429 Too Many Requests", b"", ["Retry-After: 1"])]
    with ScriptedServer(busy) as server:
        settings = settings_for(server.base_url, server.ca_der, boot_limit=3600)
        reader = HarnessReader(tmp_path / "reader", lib, factory_image(settings))
        boot = reader.boot()
        waits = [event["next_ms"] for event in boot.all("wait")]
        assert len(server.requests) == len(waits) == 8
        assert all(1000 << min(n, 5) <= wait < 2000 << min(n, 5) for n, wait in enumerate(waits))
        assert boot.one("rest")["reason"] == "request_limit"
        assert (boot.state, bool(boot.reason)) == ("unbound", True)
        assert len(boot.end["erased"]) <= 2
        many = reader.boot(retries=20)
        erased = many.end["erased"]
        assert (many.state, max(erased.count(0), erased.count(4096))) == ("unbound", 2)
        assert many.all("rest")[-1]["reason"] == "wear_limit"


def test_flash_that_takes_nothing_is_not_worn_out(tmp_path: Path, lib: Path) -> None:
    """If `bind` loses every write, or `nvs` is full, no boot erases a sector more than twice."""
    with ScriptedServer([answer()]) as server:
        settings = settings_for(server.base_url, server.ca_der, boot_limit=200)
        reader = HarnessReader(tmp_path / "reader", lib, factory_image(settings))
        for plan in ({"nvs_full": True}, {"broken": {"bind": 10**6}}):
            boot = reader.boot(retries=1, **plan)
            assert (boot.state, boot.failures()[0]) == ("unbound", ("storage", "unwritten"))
            erased = boot.end["erased"]
            assert max(erased.count(0), erased.count(4096)) <= 2
        assert reader.boot().state == "bound"
        assert sum(request.startswith(b"POST") for request in server.requests) == 1


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"220 mail.example.com ESMTP\r\n", "not_tls"),
        (bytes([21, 3, 3, 0, 2, 2, 70]), "alert 70"),
        (bytes([21, 3, 3, 0, 2, 2, 40]), "alert 40"),
    ],
)
def test_why_a_handshake_fails_is_in_the_devices_reason(
    tmp_path: Path, lib: Path, says: bytes, reason: str
) -> None:
    """A server that speaks no TLS, and each objection, is told apart, and the request never goes out."""
    with ScriptedServer([says], tls=False, listens=False) as server:
        url = server.base_url.replace("http:", "https:")
        settings = settings_for(url, server.ca_der, boot_limit=20)
        boot = HarnessReader(tmp_path / "reader", lib, factory_image(settings)).boot()
        assert set(boot.failures()) == {("tls", reason)}
        assert boot.state == "unbound"

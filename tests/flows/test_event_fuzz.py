"""Fuzzing of what a device says: records with a right checksum and anything at all in them."""

from __future__ import annotations

import binascii
import contextlib
import io
import json
import random
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console as Terminal

from startline_host.cli import main
from startline_host.device.console import ConsoleParser, Event
from startline_host.device.port import Port
from startline_host.errors import OutcomeUnknown, WrongDevice
from startline_host.flows.first_boot import read_outcome
from startline_host.flows.notice_view import ConsoleNoticeView, JsonNoticeView
from startline_host.flows.observe import listen_for_status, wait_for_state
from startline_host.util import Deadline

RECORDS = 20_000

EVENTS: list[dict[str, Any]] = [
    {"ev": "boot", "n": 0, "ms": 12, "version": "0.1.0"},
    {"ev": "identity", "n": 1, "ms": 13, "serial": "S1", "model": "X1", "mac": "24:6f:28:00:00:01",
     "cloud": "rufus", "base_url": "https://localhost/v0"},
    {"ev": "unprovisioned", "n": 1, "ms": 13, "missing": ["factory.serial", "claim.key"]},
    {"ev": "record", "n": 2, "ms": 20, "state": "unknown", "reason": "asked", "generation": 3,
     "copies": 2},
    {"ev": "link", "n": 3, "ms": 25, "kind": "wifi", "phase": "join"},
    {"ev": "clock", "n": 4, "ms": 30, "phase": "ntp"},
    {"ev": "tls", "n": 5, "ms": 31, "phase": "verified"},
    {"ev": "attempt", "n": 6, "ms": 32, "id": "9f3c2a7b", "try": 1},
    {"ev": "answer", "n": 7, "ms": 90, "status": 201, "outcome": "bound", "reason": ""},
    {"ev": "wait", "n": 8, "ms": 91, "next_ms": 2000, "reason": "429"},
    {"ev": "failed", "n": 9, "ms": 92, "step": "dns", "reason": "not_found", "next_ms": 0},
    {"ev": "warning", "n": 10, "ms": 93, "what": "one_copy"},
    {"ev": "scrub", "n": 11, "ms": 94, "done": True},
    {"ev": "ready", "n": 12, "ms": 95, "state": "bound", "reason": "", "token": "A" * 64,
     "serial": "S1"},
    {"ev": "race", "n": 13, "ms": 99, "session": "10 km", "sending": "open", "stored": 9, "sent": 4,
     "waiting": 5, "unsure": 0, "aside": 0, "clock": "ntp", "error_ms": 3, "full": 1,
     "reason": "no_time"},
    {"ev": "race_session", "n": 14, "ms": 99, "state": "open", "alias": "10 km", "token": "A"},
    {"ev": "race_failed", "n": 15, "ms": 99, "step": "dns", "reason": "not_found", "next_ms": 20},
    {"ev": "race_aside", "n": 16, "ms": 99, "first": 7, "last": 8, "status": 400},
    {"ev": "race_warning", "n": 17, "ms": 99, "what": "not_counted", "sent": 9, "counted": [8, 0]},
]  # fmt: skip

#: Values as they stand in JSON text, most of them none that any field has.
ABSURD = [
    "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "1e308", "-0.0", "0.1", "9" * 400,
    "-" + "9" * 400, str(2**53), str(2**53 + 1), str(2**63), "-1", "0", "true", "false", "null",
    '""', '" "', '"x"', f'"{"x" * 900}"', r'"\ud800"', r'"\udfff\ud800"', r'"\u0000\u001b[2J"',
    '"\\u202e\\u2066"', '"bound"', '"unbound"', '"ready"', "[]", "{}", "[[]]", '{"a":{"b":[]}}',
    "[" * 600 + "]" * 600, '{"a":' * 190 + "1" + "}" * 190, '["a",1,null]', "[NaN]", '[{"a":1}]',
    "1.5", '"24:6f:28"', '"[red]"', "'", "", "01", "+1", "0x10", "undefined",
]  # fmt: skip


def sealed(text: str) -> bytes:
    """Return a record of this JSON text, less its last brace, with the checksum that fits it."""
    raw = text.encode("utf-8", "surrogatepass")
    return b'\x1e%s,"crc":"%08x"}\n' % (raw, binascii.crc32(raw))


def spoilt(dice: random.Random) -> bytes:
    """Return one record: an event with up to four of its fields dropped, doubled or replaced."""
    told = [(name, json.dumps(value)) for name, value in dice.choice(EVENTS).items()]
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(told)) if told else 0
        kind = dice.randrange(6)
        if kind == 0 and told:
            del told[at]
        elif kind == 1:
            told.append((dice.choice(["ev", "n", "ms", "state", "crc", "next_ms", "\\u001b", ""]),
                         dice.choice(ABSURD)))  # fmt: skip
        elif told:
            told[at] = (told[at][0], dice.choice(ABSURD))
    text = "{" + ",".join(f'"{name}":{value}' for name, value in told)
    if not dice.randrange(8):
        at = dice.randrange(len(text))
        text = (
            text[:at] + dice.choice(["", '"', "\\", "}", "\x00", "é", "]", "{"]) + text[at + 1 :]
        )
    return sealed(text)


class Script:
    """A port that hands out what is written, and then says nothing any more."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, _seconds: float) -> bytes:
        """Return the next piece."""
        piece, self._data = self._data[:4096], self._data[4096:]
        return piece


@pytest.fixture(scope="module")
def records() -> list[bytes]:
    """Make all the spoilt records, the same in every run."""
    dice = random.Random(2817)
    return [spoilt(dice) for _ in range(RECORDS)]


def test_no_record_breaks_what_reads_it(records: list[bytes]) -> None:
    """Of 20,000 spoilt records each is an event with plain values, or text; all can be shown."""
    out, lines = io.StringIO(), list[str]()
    shown, told = ConsoleNoticeView(Terminal(file=out, width=100)), JsonNoticeView(lines.append)
    kinds = {"event": 0, "text": 0}
    for record in records:
        for item in ConsoleParser().feed(record):
            shown(item)
            told(item)
            kinds["event" if isinstance(item, Event) else "text"] += 1
            if isinstance(item, Event):
                assert str(read_outcome([item]).error() or "fine")
    for line in lines:
        json.loads(line, parse_constant=pytest.fail)
    out.getvalue().encode()
    assert min(kinds.values()) > RECORDS // 20, kinds


def _port(data: bytes) -> Port:
    script: Any = Script(data)
    return script  # type: ignore[no-any-return]


def test_what_listens_to_them_all_comes_to_a_documented_end(records: list[bytes]) -> None:
    """`status` and `wait` hear an intact `ready` behind them all, or that the device is no one."""
    peaceful = [one for one in records if b"ready" not in one and b"identity" not in one]
    stream = b"".join(peaceful) + GOOD
    status = listen_for_status(_port(stream), 3600.0)
    assert (status.state, status.serial) == ("refused", "S1")
    event = wait_for_state(_port(stream), "refused", Deadline(3600.0))
    assert event.fields["state"] == "refused"
    for some in range(0, RECORDS, 500):
        stream = b"".join(records[some : some + 500]) + GOOD
        with contextlib.suppress(WrongDevice, OutcomeUnknown):
            listen_for_status(_port(stream), 3600.0)
        with contextlib.suppress(WrongDevice, OutcomeUnknown):
            wait_for_state(_port(stream), "refused", Deadline(3600.0))


GOOD = sealed('{"ev":"ready","n":1,"ms":5,"state":"refused","reason":"no","serial":"S1"')
SPOILT = [sealed("{" + text) for text in (
    '"n":1,"ms":2', '"ev":"ready","n":1', '"ev":"ready","ms":1', '"ev":null,"n":1,"ms":2',
    '"ev":"ready","n":1,"ms":1e999,"state":"bound"', '"ev":"ready","n":1,"ms":NaN',
    '"ev":"ready","n":[],"ms":{},"state":"bound"', '"ev":"wait","n":1,"ms":1,"next_ms":' + "9" * 400,
    '"ev":"ready","n":1,"ms":1,"state":["bound"]', '"ev":"boot","n":1,"ms":1,"version":{}',
    '"ev":"identity","n":1,"ms":1,"serial":5', '"ev":"x","n":1,"ms":1,"y":' + "[" * 500 + "]" * 500,
)]  # fmt: skip


@pytest.fixture
def spoilt_reader() -> Iterator[str]:
    """Serve a reader at a socket that says a dozen spoilt records and a good one, over and over."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            # pyserial throws away what came before it had opened the port.
            with connection, contextlib.suppress(OSError):
                while not over.wait(0.2):
                    connection.sendall(b"".join(SPOILT) + GOOD)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status", "--seconds", "60"], "S1"),
        (["wait", "--for", "refused", "--timeout", "60"], "S1 is refused."),
        (["monitor", "--seconds", "3"], "ready: refused (no)"),
        (["monitor", "--seconds", "3", "--json"], '"kind": "event"'),
    ],
)
def test_a_verb_goes_on_through_spoilt_records(
    spoilt_reader: str, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`status`, `wait` and `monitor` show spoilt records as text, and hear the good one behind."""
    with pytest.raises(SystemExit) as left:
        main([*words, "-p", spoilt_reader])
    out, err = capsys.readouterr()
    assert (left.value.code, said in out) == (0, True), err
    assert "Traceback" not in err

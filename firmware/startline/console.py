"""What the device prints: events as `events` describes them, and lines for a person."""

import json

# Taken from there: each import of a built-in module reads flash.
from .record import crc32


def encode(name: str, seq: int, ms: int, fields: dict) -> bytes:
    """Return one event as it goes over the line; one that would be too long says so instead."""
    text = json.dumps(fields, separators=(",", ":"))
    text = '{"ev":"%s","n":%d,"ms":%d%s' % (name, seq, ms, "," + text[1:-1] if fields else "")
    raw = text.encode()
    if len(raw) != len(text):  # JSON of MicroPython leaves other alphabets as they are
        from .json_escape import escaped

        raw = escaped(text).encode()
    if len(raw) > 1000:
        return encode(name, seq, ms, {"cut": len(raw)})
    return b'\x1e%s,"crc":"%08x"}\n' % (raw, crc32(raw))


class Console:
    """Prints events and, between them, short lines for a person who watches.

    A console that fails loses what it should have printed, and stops nothing: what is said comes
    between a request and keeping its answer, too. Numbers that are missing show it.
    """

    def __init__(self, hal) -> None:
        self._hal = hal
        self._seq = 0

    def event(self, name: str, fields: dict) -> None:
        """Print one event."""
        seq = self._seq
        self._seq += 1
        try:
            self._hal.write(encode(name, seq, self._hal.ms(), fields).decode())
        except Exception:  # of any kind: no memory, no line, no host
            pass

    def print_line(self, text: str) -> None:
        """Print one line for a person."""
        try:
            self._hal.write(text + "\n")
        except Exception:
            pass

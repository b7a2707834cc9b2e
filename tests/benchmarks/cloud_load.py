"""Binds devices as fast as a cloud lets it: each over a connection of its own, as readers do.

Run as a process beside the server; prints one JSON object: binds a second, and each bind's
milliseconds. General load tools either keep connections open or bring a framework along.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Where to bind: a port of this computer, the call's path, the key, and TLS if any."""

    port: int
    path: str
    key: str
    tls: ssl.SSLContext | None

    def request(self, number: int) -> bytes:
        """Return the request for the device of that number, as the agent writes it."""
        device = {
            "model": "Model X1",
            "serial_number": f"LOAD-{number:07d}",
            "alias": "",
            "firmware": "1.0.0+sl.00000000",
        }
        body = json.dumps(device).encode()
        head = (
            f"POST {self.path} HTTP/1.0\r\nHost: localhost\r\napi_key: {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def load(target: Target, numbers: range, at_once: int) -> tuple[float, list[float]]:
    """Bind all numbers, so many at once; return seconds, and milliseconds of each bind.

    Raises ValueError for an answer that is not 201.
    """
    waiting, taken = iter(numbers), list[float]()
    began = time.perf_counter()
    await asyncio.gather(*(_bind_all(target, waiting, taken) for _ in range(at_once)))
    return time.perf_counter() - began, taken


async def _bind_all(target: Target, numbers: Iterator[int], taken: list[float]) -> None:
    name = "localhost" if target.tls else None
    for number in numbers:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", target.port, ssl=target.tls, server_hostname=name
        )
        writer.write(target.request(number))
        head = await reader.readuntil(b"\r\n\r\n")
        taken.append((time.perf_counter() - began) * 1000)
        writer.transport.abort()
        if head.split(b" ", 2)[1] != b"201":
            raise ValueError(f"The cloud answered {head.splitlines()[0]!r}.")


def main() -> None:
    """Read the arguments, bind, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--key", default="")
    parser.add_argument("--ca", help="file with the CA's certificate; without, plain HTTP")
    parser.add_argument("--first", type=int, default=0, help="the first device's number")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--at-once", type=int, default=16)
    given = parser.parse_args()
    tls = ssl.create_default_context(cafile=given.ca) if given.ca else None
    target = Target(given.port, given.path, given.key, tls)
    numbers = range(given.first, given.first + given.count)
    seconds, taken = asyncio.run(load(target, numbers, given.at_once))
    json.dump({"a_second": given.count / seconds, "ms": taken}, sys.stdout)


if __name__ == "__main__":
    main()

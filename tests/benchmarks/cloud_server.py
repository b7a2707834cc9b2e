"""Our mock cloud as a process that can be measured; its standard input is its remote control.

It prints where it listens as one JSON object. A line with a number then has it hold so many
devices, without a request for each, and is answered when it does.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.mock_cloud.rufus.devices import bind
from startline_host.mock_cloud.rufus.request import RufusRequest


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ca", type=Path, help="serve TLS, and write the CA's certificate there")
    parser.add_argument("--proxied", action="store_true", help="behind the fault proxy")
    given = parser.parse_args()
    with MockCloud(MockOptions(tls=given.ca is not None, proxied=given.proxied)) as cloud:
        if given.ca:
            given.ca.write_bytes(cloud.ca_pem)
        print(json.dumps({"port": cloud.port, "keys": cloud.keys}), flush=True)  # noqa: T201
        for line in sys.stdin:
            fill(cloud, int(line))
            print(len(cloud.devices()), flush=True)  # noqa: T201


def fill(cloud: MockCloud, count: int) -> None:
    """Bind devices until there are `count`, as requests would."""
    have = len(cloud.devices())
    company = cloud.store.company("Bench")
    for number in range(have, count):
        device = {"model": "Model X1", "serial_number": f"FILL-{number:07d}", "firmware": "1.0.0"}
        request = RufusRequest(cloud.store, company, {}, {}, json.dumps(device).encode())
        bind(request, second="new", typed=False, new_id=partial(format, number, "064X"))


if __name__ == "__main__":
    main()

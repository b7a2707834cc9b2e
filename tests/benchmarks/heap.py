"""The smallest heap in which a boot does its work, beside that of a bare request.

Each number is bisected: the real MicroPython is started with a heap of that size until the
smallest is found in which the work is done. What the chip's stand-ins need by themselves, that is
with an empty main.py, is taken off. Objects of this VM have 64 bits, twice a chip's.

`heap_kept` has the rows that are measured in a chip's objects as well.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from startline_host.formats.bytecode import compile_source
from startline_host.mock_cloud import MockCloud, MockOptions
from tests.benchmarks import heap_kept
from tests.benchmarks.readers import make_reader
from tests.benchmarks.row import UNKNOWN, Peer, Row
from tests.firmware.harness import compile_agent, run_micropython

_LEAST, _MOST, _STEP = 1024, 1 << 20, 256  # bytes
_SETTINGS = {"boot_limit": 6}  # so that a boot that fails is over soon

_EMPTY = "print('answered')\n"
_REQUEST = """\
import requests
answer = requests.post({url!r}, headers={headers!r}, data={body!r})
print("answered", answer.status_code, answer.text)
"""
_BODY = b'{"serial_number":"DEVICE-123","model":"Model X1","firmware":"0.1.0"}'
_THINGSBOARD = (
    "not measured: the vendor's client is had from its repository alone; what the package index "
    "has by that name (thingsboard-micropython 0.2.0) has no provisioning call"
)

#: Does its work, or raises AssertionError or ValueError, with a heap as -X heapsize takes it.
Work = Callable[[str], bool]


def rows(work: Path) -> Iterator[Row]:
    """Yield first boots over TLS and without, each beside a bare request, and a bound boot."""
    lib = compile_agent(work / "device")
    folders = (work / f"reader-{number}" for number in itertools.count())
    with MockCloud() as cloud:
        bound = make_reader(next(folders), lib, cloud, **_SETTINGS)
        own = smallest(lambda heap: bound.boot(heap=heap, empty=True).end == {})
        yield Row("stand_ins", own, "bytes", note="with an empty main.py; taken off below")
        yield _first_boot("first_boot_https", own, folders, lib, cloud)
        bound.boot()
        need = smallest(lambda heap: bound.boot(heap=heap).state == "bound")
        yield Row("bound_boot", need - own, "bytes")
        yield from heap_kept.rows(lib, folders, cloud)
    with MockCloud(MockOptions(tls=False)) as cloud:
        yield _first_boot("first_boot_http", own, folders, lib, cloud, insecure_http=True)
    yield Row("thingsboard_provisioning", UNKNOWN, "bytes", note=_THINGSBOARD)


def smallest(does: Work) -> int:
    """Return the fewest bytes of heap in which the work is done."""
    low, high = _LEAST, _MOST  # too small, large enough
    while high - low > _STEP:
        middle = (low + high) // 2
        if _is_done(does, str(middle)):
            high = middle
        else:
            low = middle
    return high


def _is_done(does: Work, heap: str) -> bool:
    try:
        return does(heap)
    except (AssertionError, ValueError):  # out of memory; or half a line of what it had to say
        return False


def _first_boot(
    name: str, own: int, folders: Iterator[Path], lib: Path, cloud: MockCloud, **settings: object
) -> Row:
    """Bind blank readers, one for each size that is tried, and make the bare request as well."""

    def binds(heap: str) -> bool:
        cloud.reset()
        reader = make_reader(next(folders), lib, cloud, **_SETTINGS, **settings)
        return reader.boot(heap=heap).state == "bound"

    bare = smallest(_program(lib, _request(cloud))) - smallest(_program(lib, _EMPTY))
    need = smallest(binds) - own
    return Row(name, need, "bytes", Peer("bare requests.post", bare))


def _request(cloud: MockCloud) -> str:
    headers = {"Content-Type": "application/json", "api_key": cloud.keys["WRITE"]}
    return _REQUEST.format(url=f"{cloud.base_url}/devices", headers=headers, body=_BODY)


def _program(lib: Path, source: str) -> Work:
    """Have a program, compiled as the agent is, in a VM without any stand-ins."""
    (lib / "bare.mpy").write_bytes(compile_source(source.encode(), "bare.py"))
    start = f"import sys\nsys.path[:]={json.dumps([str(lib), '.frozen'])}\nimport bare"
    return lambda heap: "answered" in run_micropython("-c", start, heap=heap)

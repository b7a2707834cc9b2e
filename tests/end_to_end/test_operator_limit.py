"""Whatever the cloud does, the reader's own program is started when the first boot's limit is over."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec

from startline_host.device.port import open_port
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.formats.flash_plan import merged_image
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.secrets import Secret
from startline_host.virtual import VirtualEsp32

_LIMIT, _SLACK = 8, 8
_APP = b"""
import time
def main(device):
    print("APP", device.state, time.ticks_ms())
"""

#: What a cloud can do to take time: each alone would hold a patient client for longer.
_SLOW = {
    "says nothing": ("stall:600",),
    "does it and says nothing": ("commit_then_stall:600",),
    "puts it off for an hour": ("retry_after:3600",),
    "is unavailable, again and again": ("unavailable:1",),
    "drips": ("drip_down:60",),
    "takes no connection": ("accept_stall",),
    "cuts every connection": ("reset_up:0",),
}


def started(
    bundle: FirmwareBundle, provision: Provision, flash: Path, *faults: str
) -> tuple[str, int]:
    """Boot a reader against a cloud with these faults; return state and time of its program's start.

    The time is the reader's own, in milliseconds since it was switched on.
    """
    with MockCloud(MockOptions(proxied=True, faults=faults)) as cloud:
        here = provision.settings
        settings = msgspec.structs.replace(
            here,
            claim=msgspec.structs.replace(
                here.claim, base_url=cloud.base_url, key=Secret(cloud.keys["READ_WRITE"])
            ),
            tls=msgspec.structs.replace(here.tls, ca=(cloud.ca_der,)),
            set=msgspec.structs.replace(here.set, boot_limit=_LIMIT),
        )
        image = msgspec.structs.replace(provision, settings=settings).image()
        flash.write_bytes(merged_image(bundle.plan(vfs=True, fctry=image)))
        with VirtualEsp32(flash) as chip, open_port(chip.url) as port:
            heard = b""
            end = time.monotonic() + 60
            while b"APP" not in heard.rpartition(b"\n")[0] and time.monotonic() < end:
                heard += port.read(0.5)
    line = next((line for line in heard.splitlines() if line.startswith(b"APP")), b"APP none 0")
    _, state, ms = line.decode().split()
    return state, int(ms)


def test_the_program_starts_in_time(
    bundle: FirmwareBundle, provision: Provision, tmp_path: Path
) -> None:
    """Silence, dripping, cuts, delays of an hour: by the reader's own clock its program is not late."""
    ready = msgspec.structs.replace(bundle, own={"/app.py": _APP})
    found: dict[str, tuple[str, int]] = {}

    def run(number: int, name: str) -> None:
        found[name] = started(ready, provision, tmp_path / f"{number}.bin", *_SLOW[name])

    threads = [threading.Thread(target=run, args=one) for one in enumerate(_SLOW)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.keys() == _SLOW.keys()
    for name, (state, ms) in found.items():
        assert state in {"unbound", "unknown"}, (name, state)
        assert 0 < ms < (_LIMIT + _SLACK) * 1000, name

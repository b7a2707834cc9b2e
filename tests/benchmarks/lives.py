"""Lives of a virtual chip on a flash of its own: with a heap of a given size, and timed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.formats.flash_plan import merged_image
from startline_host.formats.littlefs_image import make_filesystem
from startline_host.virtual.vm_process import running_seconds
from tests.benchmarks.unit import AIR
from tests.virtual.vm_harness import Vm

_PROMPT = b">>> "
_SECONDS = 30.0


def flash_with(
    bundle: FirmwareBundle, files: Mapping[str, bytes], fctry: bytes | None = None
) -> bytes:
    """Return a whole flash: the bundle's firmware and table, and these files."""
    image = bytearray(merged_image(bundle.plan(vfs=False, fctry=fctry)))
    row = bundle.table.get("vfs")
    image[row.offset : row.end] = make_filesystem(files, row.size)
    return bytes(image)


class UnitLives:
    """A chip in `folder`: each `live` is one life on the flash that the one before left."""

    def __init__(self, folder: Path, flash: bytes, air: Mapping[str, Any] = AIR) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self.path = folder / "flash.bin"
        self.path.write_bytes(flash)
        (folder / "world.json").write_text(json.dumps(air), encoding="utf-8")
        #: Seconds of the VM's own processor time and by the clock, of the last life.
        self.cpu = self.clock = 0.0

    def live(self, *, heap: str = "2M", give_up_at: bytes = _PROMPT) -> bytes:
        """Switch on, wait for the prompt, switch off; return what was said up to then.

        A life that ends by itself, or says what it is to be given up at, ends there.
        """
        with Vm(self._folder, heap_size=heap) as chip:
            began = time.monotonic()
            chip.boot()
            try:
                while _PROMPT not in chip.out and give_up_at not in chip.out and not chip.ended:
                    chip._step(began + _SECONDS, _PROMPT)
            except AssertionError:  # what a small heap leaves may hang
                return chip.out
            self.clock = time.monotonic() - began
            self.cpu = running_seconds(chip.cpu.pid)
            return chip.out

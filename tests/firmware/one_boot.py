"""Run by MicroPython: one boot of the agent on a fake chip that a JSON file describes.

The file's members: `parts` (label: file with the partition's bytes), `record` (file with the NVS
blob), `plan` (for FakeChip), `retries` (how often the application calls `retry`), `empty`
(whether only the chip is made, to see what that costs).
"""

import gc
import json
import sys

from fake_chip import FakeChip, FileFlash


def run(path: str) -> None:
    """Boot, and print what came of it behind `END`."""
    with open(path) as file:
        spec = json.load(file)
    spec["plan"]["print"] = True
    chip = make_chip(spec)
    result = {} if spec["empty"] else _boot(chip, spec["retries"])
    print("END " + json.dumps(result))


def make_chip(spec: dict) -> FakeChip:
    """Return the chip that a file's members describe."""
    parts = {label: FileFlash(spec["parts"][label]) for label in spec["parts"]}
    return FakeChip(parts, spec["plan"], _read(spec["record"]), lambda raw: _write(spec, raw))


def _boot(chip: FakeChip, retries: int) -> dict:
    gc.collect()
    before = gc.mem_alloc()
    import startline
    import startline.hal  # as `startline.main` does

    device = startline.first_boot(chip)
    for _ in range(retries):
        device.retry()
    return {
        "state": device.state,
        "reason": device.reason,
        "token": device.token,
        "key": device.key,
        "slept": chip.slept,
        "erased": chip.parts["bind"].erased if "bind" in chip.parts else [],
        "heap": chip.heap - before,
        "modules": [name for name in sys.modules if name.startswith("startline")],
    }


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _write(spec: dict, raw: bytes) -> None:
    with open(spec["record"], "wb") as file:
        file.write(raw)

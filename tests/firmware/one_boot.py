"""Run by MicroPython: one boot of the agent on a fake chip that a JSON file describes.

`one_boot.py SPEC`: the spec's members are `path` (folders to import from), `parts` (label: file
with the partition's bytes, written back at the end), `record` (file with the NVS blob), `plan`
(for FakeChip) and `retries` (how often the application calls `retry`).
"""

import gc
import json
import sys

with open(sys.argv[1]) as file:
    spec = json.load(file)
sys.path[:] = spec["path"] + [".frozen"]

from fake_chip import FakeChip  # noqa: E402


def load(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def save(path, data):
    with open(path, "wb") as file:
        file.write(data)


parts = {label: bytearray(load(spec["parts"][label])) for label in spec["parts"]}
plan = spec["plan"]
plan["print"] = True
chip = FakeChip(parts, plan, load(spec["record"]))
for label in plan.get("broken", {}):
    chip.parts[label].broken = plan["broken"][label]
gc.collect()

import startline  # noqa: E402

device = startline.first_boot(chip)
for _ in range(spec.get("retries", 0)):
    device.retry()
for label in parts:
    save(spec["parts"][label], parts[label])
save(spec["record"], chip.record)
print(
    "END "
    + json.dumps(
        {
            "state": device.state,
            "reason": device.reason,
            "token": device.token,
            "key": device.key,
            "slept": chip.slept,
            "modules": [name for name in sys.modules if name.startswith("startline")],
            "tls": "tls" in sys.modules and str(type(sys.modules["tls"])),
        }
    )
)

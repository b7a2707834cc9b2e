"""Started by the driver: `micropython start.py JOBS`, a JSON file; prints JSON on one line.

Members of the file: `path` (folders to import from), `images` (name: file with a blank flash),
`size` (of the largest flash, in bytes), `jobs`, and the modules `runner`, whose `Runner` runs
them, and `network`, whose `make` makes what units are connected to. What is printed is the list of
the jobs' results.
"""

import json
import sys

with open(sys.argv[1]) as _file:
    _order = json.load(_file)
sys.path[:] = _order["path"] + [".frozen"]


def _module(name: str):
    return __import__(name, None, None, ("",))


def _main(order: dict, write) -> None:
    # What is large comes first, as long as the heap is in one piece.
    memory = bytearray(order["size"])

    from vm.stand_ins import StandIns

    # Before anything else: what it replaces must not have been imported by then.
    stand_ins = StandIns(_module(order["network"]).make)
    from vm.flash_image import read_image

    images = {name: read_image(path) for name, path in order["images"].items()}
    bench = _module(order["runner"]).Runner(stand_ins, images, memory)
    for number, job in enumerate(order["jobs"]):
        write(("," if number else "[") + json.dumps(bench.run(job)))
    write("]\n")


_main(_order, sys.stdout.write)

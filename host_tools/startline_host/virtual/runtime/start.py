"""Started by the process that plays the chip: `micropython start.py CONTROL_FD`."""

import sys

_here = __file__.rsplit("/", 2)[0]
sys.path[:] = [_here, ".frozen"]

from runtime.boot import run

run(open(int(sys.argv[1]), "rb"), globals(), _here + "/")

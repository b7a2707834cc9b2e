"""Started by the process that plays the chip: `micropython start.py CONTROL_FD [COMPILED]`.

COMPILED is a folder that has bytecode of the same as this one; no VM but of its version reads it.
"""

import sys

_BYTECODE = 6

_here = __file__.rsplit("/", 2)[0]
_fits = len(sys.argv) > 2 and sys.implementation._mpy & 0xFF == _BYTECODE
sys.path[:] = [sys.argv[2] if _fits else _here, ".frozen"]

from runtime.boot import run

run(open(int(sys.argv[1]), "rb"), globals(), _here + "/")

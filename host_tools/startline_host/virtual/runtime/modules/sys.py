"""`sys`: the VM's own, naming the chip; `setup` puts in what belongs to the console."""

import sys as _real
from collections import namedtuple as _namedtuple

from .os import MACHINE as _MACHINE

_HOST_ONLY = ("stdin", "stdout", "stderr", "argv", "executable", "atexit")

for _name in dir(_real):
    if _name[:2] != "__" and _name not in _HOST_ONLY:
        globals()[_name] = getattr(_real, _name)

platform = "esp32"
argv: list = []

# Without a name of its own it prints as the port's tuple does.
_Implementation = _namedtuple("", ("name", "version", "_machine", "_mpy", "_build"))
implementation = _Implementation(
    "micropython",
    _real.implementation.version,
    _MACHINE,
    _real.implementation._mpy,
    "ESP32_GENERIC",
)


def setup(new_stdin, new_stdout, new_print_exception) -> None:
    """Put the console's streams and tracebacks in place."""
    global stdin, stdout, stderr, print_exception
    stdin = new_stdin
    stdout = stderr = new_stdout
    print_exception = new_print_exception

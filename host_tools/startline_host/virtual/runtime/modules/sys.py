"""`sys`: the VM's own, naming the chip; a program can set its path and prompts, and nothing else."""

import sys as _real
from collections import namedtuple as _namedtuple

from .os import MACHINE as _MACHINE

_HOST_ONLY = ("stdin", "stdout", "stderr", "argv", "executable", "atexit", "exc_info", "settrace")
_SETTABLE = ("path", "ps1", "ps2")

# Without a name of its own it prints as the port's tuple does.
_Implementation = _namedtuple("", ("name", "version", "_machine", "_mpy", "_build"))


class module:
    """What `import sys` gives. The importer uses the VM's own path, so that is what is set here."""

    def __init__(self, stdin, stdout, print_exception) -> None:
        for name in dir(_real):
            if name[:2] != "__" and name not in _HOST_ONLY:
                self._put(name, getattr(_real, name))
        real = _real.implementation
        self._put("__name__", "sys")
        self._put("platform", "esp32")
        self._put("argv", [])
        self._put(
            "implementation",
            _Implementation("micropython", real.version, _MACHINE, real._mpy, "ESP32_GENERIC"),
        )
        self._put("stdin", stdin)
        self._put("stdout", stdout)
        self._put("stderr", stdout)
        self._put("print_exception", print_exception)
        # For `from sys import *`, which reads a module's names past its attributes.
        self._put("__all__", [name for name in self.__dict__ if name[0] != "_"])

    def __repr__(self) -> str:
        return "<module 'sys'>"

    def __setattr__(self, name: str, value) -> None:
        if name not in _SETTABLE:
            raise AttributeError("'module' object has no attribute '%s'" % name)
        setattr(_real, name, value)
        self._put(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError("'module' object has no attribute '%s'" % name)

    def _put(self, name: str, value) -> None:
        super().__setattr__(name, value)

"""Puts the stand-ins where `import` looks first: in `sys.modules`, under the port's names."""

import builtins
import sys

from .modules import (
    asyncio_tasks,
    errno,
    esp,
    esp32,
    machine,
    micropython,
    network,
    ntptime,
    os,
    select,
    socket,
    time,
    vfs,
)
from .modules import sys as chip_sys
from .source import fold

_STAND_INS = {
    "_asyncio": asyncio_tasks,
    "errno": errno,
    "esp": esp,
    "esp32": esp32,
    "machine": machine,
    "micropython": micropython,
    "network": network,
    "ntptime": ntptime,
    "os": os,
    "select": select,
    "socket": socket,
    "sys": chip_sys,
    "time": time,
    "vfs": vfs,
}
_OLD_NAMES = ("errno", "machine", "os", "select", "socket", "sys", "time")


def banner() -> str:
    """Return what the friendly prompt starts with."""
    return 'MicroPython %s; %s\nType "help()" for more information.\n' % (os.VERSION, os.MACHINE)


def install(stdin, stdout, print_exception) -> None:
    """Let every import of these names, also by frozen modules, find the stand-ins."""
    chip_sys.setup(stdin, stdout, print_exception)
    for name, module in _STAND_INS.items():
        module.__name__ = name
        if hasattr(module, "__file__"):
            del module.__file__  # the port's are built in
        sys.modules[name] = module
        if name in _OLD_NAMES:
            sys.modules["u" + name] = module


def replace_builtins(console, ask) -> None:
    """Let `input()` read from the console, and `print()` notice that the program is to stop.

    `compile()` takes source as the chip's compiler does.
    """
    real_print = builtins.print

    def print(*args, **options) -> None:
        real_print(*args, **options)
        console.check()

    real_compile = builtins.compile

    def compile(source, *rest):
        return real_compile(fold(source), *rest)

    builtins.print = print
    builtins.compile = compile
    builtins.input = ask

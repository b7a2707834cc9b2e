"""Puts the stand-ins where `import` looks first: in `sys.modules`, under the port's names."""

import builtins
import sys

from . import heap
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
    threads,
    time,
    vfs,
)
from .modules import sys as chip_sys
from .modules.not_imitated import MODULES, NotImitated
from .source import fold

_STAND_INS = {
    "_thread": threads,
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
    "time": time,
    "vfs": vfs,
}
_EXTENSIBLE = ("errno", "os", "select", "socket", "time")
_FROZEN = ("machine", "ntptime")
_OLD_NAMES = ("errno", "machine", "os", "select", "socket", "sys", "time")


def banner() -> str:
    """Return what the friendly prompt starts with."""
    return 'MicroPython %s; %s\nType "help()" for more information.\n' % (os.VERSION, os.MACHINE)


def install(stdin, stdout, print_exception) -> None:
    """Let every import of these names, also by frozen modules, find the stand-ins."""
    for name, module in _STAND_INS.items():
        module.__name__ = name
        if hasattr(module, "__file__"):
            del module.__file__  # the port's are built in
        sys.modules[name] = module
    for name in MODULES:
        sys.modules[name] = NotImitated(name)
    sys.modules["sys"] = chip_sys.module(stdin, stdout, print_exception)
    for name in _OLD_NAMES:
        sys.modules["u" + name] = sys.modules[name]


def uncover(folder: str, entry: str) -> None:
    """Let a module on flash be imported in place of a stand-in, where it would be on a chip.

    The current folder, `/`, comes before what is frozen; `/lib` only before what is built in.
    """
    name = entry[: entry.find(".")] if entry.endswith((".py", ".mpy")) else entry
    if name in _EXTENSIBLE or (folder == "/" and (name in _FROZEN or name in MODULES)):
        sys.modules.pop(name, None)


def replace_builtins(console, ask) -> None:
    """Let `input()` read from the console, and `print()` notice that the program is to stop.

    `compile()` takes source as the chip's compiler does.
    """
    real_print = builtins.print
    real_compile = builtins.compile

    def print(*args, **options) -> None:
        real_print(*args, **options)
        console.check()

    def compile(source, *rest):
        return real_compile(fold(source), *rest)

    heap.print = builtins.print = print
    builtins.compile = compile
    builtins.input = ask

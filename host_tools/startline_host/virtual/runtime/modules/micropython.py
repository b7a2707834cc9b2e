"""`micropython`: the VM's own, but for the character that interrupts."""

import builtins as _builtins

import micropython as _real

from .. import heap as _heap
from ..chip import current as _current

_HOST_ONLY = ("mem_current", "mem_peak", "mem_total")

for _name in dir(_real):
    if _name[:2] != "__" and _name not in _HOST_ONLY:
        globals()[_name] = getattr(_real, _name)


def kbd_intr(char: int) -> None:
    """Let a character of the console interrupt the program; -1 for none."""
    if _current().console.interruptible(char):
        raise KeyboardInterrupt


def alloc_emergency_exception_buf(size: int) -> None:
    """Do nothing: the VM beside has memory for every exception."""


def heap_lock() -> None:
    """Let no memory be taken. `print` is the VM's own meanwhile: in Python it would need some."""
    _builtins.print = _heap.real_print
    _heap.depth += 1
    _real.heap_lock()


def heap_unlock() -> int:
    """Undo one `heap_lock`."""
    depth = _real.heap_unlock()
    _heap.depth -= 1
    if not _heap.depth:
        _builtins.print = _heap.print
    return depth

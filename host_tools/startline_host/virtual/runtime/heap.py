"""How often the program has locked the heap, and the two ways to print."""

import builtins

import micropython

depth = 0
real_print = print = builtins.print


def unlock() -> None:
    """Undo every lock, as the port does before it goes on after an exception."""
    global depth
    while depth:
        micropython.heap_unlock()
        depth -= 1
    builtins.print = print

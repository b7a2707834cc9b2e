"""`_thread`: locks, and no second thread.

The chip's VM has a lock around its bytecode (GIL), the Unix port's has none: two threads in it
corrupt its memory sooner or later.
"""

import _thread as _real

from .not_imitated import refuse as _refuse

LockType = _real.LockType
allocate_lock = _real.allocate_lock
exit = _real.exit
get_ident = _real.get_ident


def start_new_thread(function, arguments, named=None) -> int:
    """Raise NotImplementedError."""
    _refuse("_thread.start_new_thread", ": this VM has no GIL")


def stack_size(*size) -> int:
    """Return the default stack of a thread, or take another one."""
    return 0

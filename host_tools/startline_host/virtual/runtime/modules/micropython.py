"""`micropython`: the VM's own, but for the character that interrupts."""

import micropython as _real

from ..chip import current as _current

for _name in dir(_real):
    if _name[:2] != "__":
        globals()[_name] = getattr(_real, _name)


def kbd_intr(char: int) -> None:
    """Let a character of the console interrupt the program; -1 for none."""
    if _current().console.interruptible(char):
        raise KeyboardInterrupt

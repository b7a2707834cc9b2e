"""Mounts the `vfs` partition as the port's `_boot.py` does, and makes one in a blank partition."""

from . import files
from .file_systems import VfsLfs2
from .modules.time import sleep
from .volume import Volume

_CORRUPTED = """\
The filesystem appears to be corrupted. It is left as it is: read the flash out if
you need what was there, or erase it and load the firmware again.
"""
_PAUSE_S = 3
_BOOT_PY = "# Runs at every start, before main.py.\n"


def mount(console) -> None:
    """Mount at `/`; format only if the first block is blank, else say so until interrupted."""
    try:
        device = Volume("vfs")
    except OSError:
        console.say("There is no vfs partition.\n")
        return
    try:
        files.mount(VfsLfs2(device), "/")
        return
    except OSError:
        pass
    if not _is_blank(device):
        _complain(console)
    console.say("Performing initial setup\n")
    VfsLfs2.mkfs(device)
    files.mount(VfsLfs2(device), "/")
    with open("boot.py", "w") as file:
        file.write(_BOOT_PY)


def _is_blank(device) -> bool:
    block = bytearray(device.ioctl(5, 0))
    device.readblocks(0, block)
    return block == b"\xff" * len(block)


def _complain(console) -> None:
    """Never return: Ctrl-C ends it with a KeyboardInterrupt."""
    console.interruptible(3)
    while True:
        console.say(_CORRUPTED)
        sleep(_PAUSE_S)

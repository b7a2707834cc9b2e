"""`os`: the VM's own, with the chip's name and without the host's environment."""

import os as _real
import sys as _sys
from collections import namedtuple as _namedtuple

from .. import file_systems as _file_systems
from .. import files as _files

_HOST_ONLY = ("system", "getenv", "putenv", "unsetenv", "VfsPosix", "VfsLfs1", "errno")

for _name in dir(_real):
    if _name[:2] != "__" and _name not in _HOST_ONLY:
        globals()[_name] = getattr(_real, _name)

VfsLfs2 = _file_systems.VfsLfs2
VfsFat = _file_systems.VfsFat
mount = _files.mount
umount = _files.umount
stat = _files.stat

RELEASE = "%d.%d.%d" % _sys.implementation.version[:3]
"""The release that this VM is of; a preview is told by `version` alone."""
_TAG = "-" + _sys.implementation.version[3] if _sys.implementation.version[3] else ""
VERSION = "v" + RELEASE + _TAG + " on " + _sys.version.split(" on ")[1]
MACHINE = "Generic ESP32 module with ESP32"

# Without a name of its own it prints as the port's tuple does.
_Uname = _namedtuple("", ("sysname", "nodename", "release", "version", "machine"))


def uname():
    """Return what the port says about itself."""
    return _Uname("esp32", "esp32", RELEASE, VERSION, MACHINE)


def sync() -> None:
    """Do nothing: every write is in flash when it returns."""

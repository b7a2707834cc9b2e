"""`vfs`: the VM's own, without the host's file system."""

import vfs as _real

from .. import file_systems as _file_systems
from .. import files as _files

for _name in dir(_real):
    if _name[:2] != "__" and _name not in ("VfsPosix", "VfsLfs1"):
        globals()[_name] = getattr(_real, _name)

VfsLfs2 = _file_systems.VfsLfs2
VfsFat = _file_systems.VfsFat
mount = _files.mount
umount = _files.umount

"""`vfs`: the VM's own, without the host's file system."""

import vfs as _real

from .. import files as _files

for _name in dir(_real):
    if _name[:2] != "__" and _name != "VfsPosix":
        globals()[_name] = getattr(_real, _name)

VfsLfs2 = _files.VfsLfs2
VfsFat = _files.VfsFat
mount = _files.mount
umount = _files.umount

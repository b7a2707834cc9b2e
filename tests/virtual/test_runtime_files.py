"""Open files as the port has them: what a program and what C code does to them."""

from __future__ import annotations

from tests.virtual.vm_harness import Vm


def test_an_open_file_does_what_the_ports_does(vm: Vm) -> None:
    """Text and bytes, lines, seeking, views, and use after closing."""
    assert vm.run(TEXT_AND_BYTES).splitlines() == [
        "<io.TextIOWrapper> <io.FileIO> <class 'TextIOWrapper'> <class 'FileIO'>",
        r"6 'a\xe9\nb'",
        r"['a\xe9\n', 'b\n'] ['a\xe9\n', 'b\n'] a",
        "3 bytearray(b'xyz\\x00') array('H', [31353, 0])",
        "b'z' 3 1 b'yz'",
        "2 b'xy'",
        "ValueError()",
        "OSError(2,)",
    ]


TEXT_AND_BYTES = r"""
import array
with open("t", "w") as t, open("b", "wb") as b:
    print(t, b, type(t), type(b))
    print(t.write("aé\nb\n"), end=" ")
    b.write(b"xyz")
print(repr(open("t").read(4)))
print(list(open("t")), open("t").readlines(), open("t").readline(1))
four, two = bytearray(4), array.array("H", (0, 0))
f = open("b", "rb")
print(f.readinto(four), four, end=" ")
f.seek(1)
f.readinto(two)
print(two)
f.seek(-1, 2)
print(f.read(), f.tell(), f.seek(1), f.read(-1))
f.close()
with open("c", "wb") as c:
    print(c.write(b"wxyz", 1, 2), end=" ")
print(open("c", "rb").read())
try:
    c.write(b"more")
except (OSError, ValueError) as error:
    print(repr(error))
try:
    open("none")
except OSError as error:
    print(repr(error))
"""


def test_c_code_reads_and_writes_an_open_file(vm: Vm) -> None:
    """`print`, `json` and `deflate` take one as the stream that it is."""
    assert vm.run(STREAMS).splitlines() == ["{'a': 1}", "b'packed'"]


STREAMS = r"""
import deflate, json
with open("j", "w") as f:
    print('{"a":', 1, file=f, end="}")
print(json.load(open("j")))
with open("z", "wb") as f:
    f.write(bytes.fromhex("789c2b484cce4e4d010008860269"))
print(deflate.DeflateIO(open("z", "rb"), deflate.ZLIB).read())
"""


def test_file_systems_of_the_programs_own_are_mounted(vm: Vm) -> None:
    """LittleFS and FAT on a partition and in memory, made, mounted and taken away again."""
    assert vm.run(MOUNTS).splitlines() == ["LittleFS 7 True", "FAT 7 True", "['boot.py']"]


MOUNTS = r"""
import os, time, vfs
from esp32 import Partition
class Ram:
    def __init__(self):
        self.data = bytearray(512 * 100)
    def readblocks(self, n, buf, off=0):
        buf[:] = self.data[n * 512 + off : n * 512 + off + len(buf)]
    def writeblocks(self, n, buf, off=0):
        self.data[n * 512 + off : n * 512 + off + len(buf)] = buf
    def ioctl(self, op, arg):
        return {4: 100, 5: 512}.get(op, 0)
for name, kind, device in (
    ("LittleFS", vfs.VfsLfs2, Partition.find(Partition.TYPE_DATA, label="fctry")[0]),
    ("FAT", vfs.VfsFat, Ram()),
):
    kind.mkfs(device)
    files = kind(device)
    vfs.mount(files, "/x")
    with open("/x/f", "w") as f:
        f.write("content")
    print(name, os.stat("/x/f")[6], isinstance(files, kind) and files in [m[0] for m in vfs.mount()])
    assert files.stat("f") == os.stat("/x/f") and abs(os.stat("/x/f")[8] - time.time()) < 60, os.stat("/x/f")
    vfs.umount(files)
print(os.listdir("/"))
"""


def test_modules_are_imported_from_a_file_system_in_python(vm: Vm) -> None:
    """Its files are streams for C code alone, and their text has the chip's numbers."""
    assert vm.run(USER_FILES) == "buffer closed\n116 "


USER_FILES = r"""
import io, sys, vfs
class File(io.IOBase):
    def __init__(self, data):
        self.data = data
    def readinto(self, buffer):
        part, self.data = self.data[: len(buffer)], self.data[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
    def ioctl(self, request, arg):
        if request == 11:
            print("buffer", end=" ")
            return 16
        print("closed" if request == 4 else request)
        return 0
class Files:
    def mount(self, readonly, mkfs):
        pass
    def umount(self):
        pass
    def stat(self, path):
        if path == "/module.py":
            return (0x8000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)
    def open(self, path, mode):
        return File(b"import errno\nprint(errno.ETIMEDOUT, end=' ')\n")
vfs.mount(Files(), "/user")
sys.path.append("/user")
import module
"""

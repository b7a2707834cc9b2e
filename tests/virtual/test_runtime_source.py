"""Modules on flash: their text as the chip compiles it, and which of them an import finds."""

from __future__ import annotations

from typing import Any

import pytest

from startline_host.virtual.runtime import source as chip_source
from tests.virtual.vm_harness import BANNER, Vm

fold: Any = chip_source.fold  # the chip's own code has no types


@pytest.mark.parametrize(
    ("source", "compiled"),
    [
        ("x = errno.ETIMEDOUT", "x = 116"),
        ("errno . ENOTCONN, [errno.EALREADY]", "128  , [120]"),
        ("const(errno.EINPROGRESS)  # errno.EPERM", "const(119)  # errno.EPERM"),
        ("'errno.EPERM' + r\"errno.EPERM\"", None),
        ("'''\nerrno.EPERM\n''' + '\\'errno.EPERM'", None),
        ("f'{errno.EPERM} errno.EPERM {{errno.EPERM}}'", "f'{1} errno.EPERM {{errno.EPERM}}'"),
        ("f'{d[\"errno.EPERM\"]}{errno.EIO:>{errno.EPERM}}'", "f'{d[\"errno.EPERM\"]}{5:>{1}}'"),
        ("my.errno.EPERM, errno2.EPERM, xerrno.EPERM", None),
        ("errno.EPERM.real, errno.errorcode, errno.EUNKNOWN", None),
        ("'a string that never ends\nerrno.EPERM", "'a string that never ends\n1"),
        ("(errno).EIO + ((errno)).EIO", "(5) + ((5))"),
        ("return(errno).EIO if(errno).EIO else(errno).EIO", "return(5) if(5) else(5)"),
        ("x\n(errno  # why\n . EIO\n)", "x\n(5  # why\n  \n)"),
        ("errno.\\\n EIO, errno\\\r\n.EIO", "5\\\n , 5\\\r\n"),
        ("f(errno).EIO, x[1](errno).EIO, 'x'(errno).EIO, (errno)\n.EIO, my.\\\nerrno.EIO", None),
        ("((errno).EIO).real, (errno.EIO\n.real)", "((5)).real, (errno.EIO\n.real)"),
        (
            "f'{x:#} {(errno).EIO}' if'{errno.EIO}' else{errno.EIO}  # '",
            "f'{x:#} {(5)}' if'{errno.EIO}' else{5}  # '",
        ),
    ],
)
def test_constants_are_replaced_where_the_compiler_would(
    source: str, compiled: str | None
) -> None:
    """Code is, however it is spelled; strings, comments, calls and other names are not."""
    assert fold(source) == (source if compiled is None else compiled)
    assert fold(source.encode()) == fold(source).encode()


def test_a_constant_is_the_number_that_a_socket_raises(vm: Vm) -> None:
    """Prompt, file, module, package, `compile` and `from errno import` agree; a file keeps its text."""
    said = vm.run(
        """
import errno, os
from errno import ETIMEDOUT
print(errno.ETIMEDOUT, ETIMEDOUT, eval(compile("errno.ETIMEDOUT", "x", "eval")))
os.mkdir("pkg")
text = "import errno\\nE = errno.ETIMEDOUT\\n"
for name in ("one.py", "pkg/__init__.py", "pkg/two.py"):
    with open(name, "w") as file:
        file.write(text)
import one, pkg.two
print(one.E, pkg.E, pkg.two.E, one.__file__, pkg.two.__file__)
print(open("one.py").read() == text, open("one.py", "rb").read() == text.encode())
with open("main.py", "w") as file:
    file.write("import errno\\nprint('main', errno.ETIMEDOUT, errno.ECONNRESET)\\n")
"""
    )
    assert said.splitlines() == [
        "116 116 116",
        "116 116 116 one.py pkg/two.py",
        "True True",
    ]
    vm.feed(b"\x04")
    assert b"main 116 104\r\n" in vm.until(BANNER)


def test_errno_is_the_chips_by_whatever_name(vm: Vm) -> None:
    """Brackets, another name, an attribute by its name, another module's, in a class or a function."""
    said = vm.run(
        """
import errno, sys
e = errno
class Numbers:
    import errno as mine
    from errno import ETIMEDOUT as number
    kept = mine.ETIMEDOUT
def inside(e=errno):
    import errno as mine
    return mine.ETIMEDOUT, e.ETIMEDOUT, (errno).ETIMEDOUT
with open("other.py", "w") as file:
    file.write("import errno\\nE = (errno\\n.ETIMEDOUT)\\n")
import other
print((errno).ETIMEDOUT, ((errno)).ETIMEDOUT, errno . \\
    ETIMEDOUT, f"{(errno).ETIMEDOUT}", [(errno  # a comment
    ).ETIMEDOUT][0])
print(getattr(errno, "ETIMEDOUT"), e.ETIMEDOUT, __import__("errno").ETIMEDOUT, sys.modules["errno"].ETIMEDOUT)
print(Numbers.mine.ETIMEDOUT, Numbers.number, Numbers.kept, *inside())
print(other.errno.ETIMEDOUT, other.E, errno.__dict__["ETIMEDOUT"], errno.errorcode[116])
"""
    )
    assert said.splitlines() == [
        "116 " * 4 + "116",
        "116 116 116 116",
        "116 " * 5 + "116",
        "116 116 116 ETIMEDOUT",
    ]


def test_a_file_system_of_the_programs_own_is_compiled_alike(vm: Vm) -> None:
    """What a program mounts, such as a host's folder by mpremote, and unmounts again."""
    said = vm.run(
        """
import io, os, sys, vfs
class Remote:
    def mount(self, readonly, mkfs):
        pass
    def umount(self):
        print("unmounted")
    def stat(self, path):
        if path != "/far.py":
            raise OSError(2)
        return (0x8000, 0, 0, 0, 0, 0, 30, 1, 2, 3)
    def open(self, path, mode):
        return io.BytesIO(b"import errno; E = errno.ETIMEDOUT")
remote = Remote()
vfs.mount(remote, "/remote")
sys.path.append("/remote")
import far
print(far.E, os.stat("/remote/far.py")[9], open("/remote/far.py", "rb").read()[:13])
vfs.umount(remote)
class Ram:
    def __init__(self):
        self.data = bytearray(b"\\xff" * 65536)
    def readblocks(self, block, buffer, offset=0):
        start = block * 512 + offset
        buffer[:] = self.data[start : start + len(buffer)]
    def writeblocks(self, block, data, offset=0):
        start = block * 512 + offset
        self.data[start : start + len(data)] = data
    def ioctl(self, request, argument):
        return {4: 128, 5: 512, 6: 0}.get(request)
ram = Ram()
vfs.VfsLfs2.mkfs(ram)
os.mount(ram, "/ram")
with open("/ram/note", "w") as file:
    file.write("kept")
print(os.listdir("/ram"), os.stat("/ram/note")[6], [point for _, point in vfs.mount()])
os.umount("/ram")
"""
    )
    assert said.splitlines() == ["116 3 b'import errno;'", "unmounted", "['note'] 4 ['/ram', '/']"]


def test_a_module_on_flash_shadows_what_it_would_on_a_chip(vm: Vm) -> None:
    """`/lib` comes before what is built in and after what is frozen; `/` comes before both."""
    said = vm.run(
        """
import os
os.mkdir("lib")
def put(path, text):
    with open(path, "w") as file:
        file.write(text)
put("lib/time.py", "from utime import *\\nWHO = 'flash'\\n")
put("lib/esp32.py", "WHO = 'flash'\\n")
put("lib/ntptime.py", "WHO = 'flash'\\n")
import time, esp32, ntptime
print(time.WHO, time.ticks_ms() >= 0, hasattr(esp32, "WHO"), hasattr(ntptime, "WHO"))
put("ntptime.py", "WHO = 'root'\\n")
"""
    )
    assert said == "flash True False False\n"
    vm.feed(b"\x04")
    vm.until(BANNER)
    said = vm.run(
        """
import ntptime, time, asyncio, errno
print(ntptime.WHO, time.WHO, time.time() >= 0, errno.__name__)
async def main():
    await asyncio.sleep_ms(1)
asyncio.run(main())
"""
    )
    assert said == "root flash True errno\n"

"""Modules on flash: their text as the chip compiles it, and which of them an import finds."""

from __future__ import annotations

import pytest

from startline_host.virtual.runtime.source import fold
from tests.virtual.vm_harness import BANNER, Vm


@pytest.mark.parametrize(
    ("source", "compiled"),
    [
        ("x = errno.ETIMEDOUT", "x = 116"),
        ("errno . ENOTCONN, [errno.EALREADY]", "128, [120]"),
        ("const(errno.EINPROGRESS)  # errno.EPERM", "const(119)  # errno.EPERM"),
        ("'errno.EPERM' + r\"errno.EPERM\"", None),
        ("'''\nerrno.EPERM\n''' + '\\'errno.EPERM'", None),
        ("f'{errno.EPERM} errno.EPERM {{errno.EPERM}}'", "f'{1} errno.EPERM {{errno.EPERM}}'"),
        ("f'{d[\"errno.EPERM\"]}{errno.EIO:>{errno.EPERM}}'", "f'{d[\"errno.EPERM\"]}{5:>{1}}'"),
        ("my.errno.EPERM, errno2.EPERM, xerrno.EPERM", None),
        ("errno.EPERM.real, errno.errorcode, errno.EUNKNOWN", None),
        ("'a string that never ends\nerrno.EPERM", "'a string that never ends\n1"),
    ],
)
def test_constants_are_replaced_where_the_compiler_would(
    source: str, compiled: str | None
) -> None:
    """Code is, also in an f-string's braces; strings, comments and other names are not."""
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

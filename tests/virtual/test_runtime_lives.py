"""Many lives in one VM: a harness swaps the chip object, and a dead life can write nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from startline_host.virtual.vm_binary import micropython_command
from tests.virtual.vm_harness import ROWS, make_table

FOLDER = Path(__file__).parents[2] / "host_tools" / "startline_host" / "virtual"

SCRIPT = """
import sys
sys.path[:] = [{folder!r}, ".frozen"]
import time
from flash import PowerCut
from runtime import chip, chip_flash, clock, install
from runtime.world import RuntimeWorld

memory = bytearray(b"\\xff" * (4 << 20))
table = bytes.fromhex({table!r})
memory[0x8000:0x8000 + len(table)] = table
install.install(sys.stdin, sys.stdout, sys.print_exception)

def begin(world):
    flash = chip_flash.ChipFlash(size=4 << 20)
    flash._memory = memory
    return chip.use(chip.RuntimeChip(flash, bytes(6), RuntimeWorld(lambda: world), clock.ChipClock(time.ticks_us), time.ticks_ms))

first = begin({{}})
from esp32 import NVS, Partition
import machine, network, vfs
one = NVS("n")
one.set_i32("value", 1)
one.commit()
one.set_i32("value", 2)
network.WLAN().active(True)
machine.Pin(2, machine.Pin.OUT, value=1)
bind = Partition("bind")
device = Partition("vfs")
vfs.VfsLfs2.mkfs(device)
vfs.mount(vfs.VfsLfs2(device), "/chip")
with open("/chip/kept", "w") as file:
    file.write("kept")
open_file = open("/chip/lost", "w")
open_file.write("lost")
vfs.umount("/chip")
first.power_off()

second = begin({{"access_points": {{}}}})
for write in (one.commit, lambda: bind.writeblocks(0, b"dead", 0), lambda: bind.ioctl(6, 0), open_file.flush):
    try:
        write()
        print("written")
    except PowerCut:
        print("refused")
import gc
open_file = None
gc.collect()
print(NVS("n").get_i32("value"), network.WLAN().active(), machine.Pin(2).value())
vfs.mount(vfs.VfsLfs2(Partition("vfs")), "/chip")
print(open("/chip/kept").read(), memory.count(b"dead"))
NVS("n").set_i32("value", 3)
"""


def test_a_dead_life_writes_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Objects of the first life are refused; the second has its own NVS, radio and pins."""
    script = tmp_path / "lives.py"
    table = make_table([(n, k, s, o, z if n != "vfs" else 0x10000) for n, k, s, o, z in ROWS])
    script.write_text(SCRIPT.format(folder=str(FOLDER), table=table.hex()))
    done = subprocess.run(
        [*micropython_command(), "-X", "heapsize=16M", str(script)],
        capture_output=True,
        timeout=30,
        check=False,
    )
    said = [line for line in done.stdout.decode().splitlines() if "PowerCut" not in line]
    assert not done.stderr
    assert said[-6:] == [*["refused"] * 4, "1 False 0", "kept 0"], done.stdout.decode()

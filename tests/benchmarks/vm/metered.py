"""Run by MicroPython: boots of the real agent on a flash that counts, one life after another.

`micropython metered.py ORDER`: a JSON file with `virtual` (folder of the chip's stand-ins), `flash`
(file), `mac` (hex), `world`, `boots` and `until` (the state to end in). Prints JSON on the last line.
"""

import gc
import json
import sys
import time

with open(sys.argv[1]) as _file:  # noqa: PTH123 - there is no pathlib
    ORDER = json.load(_file)
sys.path[:] = [ORDER["virtual"], ".frozen"]

_NETWORK = ("network", "socket", "ntptime")


class CountedModule:
    """A module that counts what is asked of it."""

    asked = 0

    def __init__(self, module: object) -> None:
        self._module = module

    def __getattr__(self, name: str) -> object:
        if not name.startswith("__"):
            CountedModule.asked += 1
        return getattr(self._module, name)


class QuietConsole:
    """The console: nobody listens, but the last lines can be read."""

    text = ""

    def write(self, text: str) -> int:
        """Keep the end of it."""
        self.text = (self.text + text)[-4000:]
        return len(text)


def main() -> None:
    """Live so many boots and print what they did to the flash."""
    import vfs  # the VM's own: the stand-in looks at each file that is imported
    from runtime import chip, clock, install
    from runtime.world import RuntimeWorld

    flash = metered_flash(ORDER["flash"])
    out = QuietConsole()
    say = sys.stdout.write
    install.install(None, out, sys.print_exception)
    from runtime.mount import Volume  # what is not loaded by now is out of reach behind `umount`

    for name in _NETWORK:
        sys.modules[name] = CountedModule(sys.modules[name])
    vfs.umount("/")
    for _ in range(ORDER["boots"]):
        began = time.ticks_ms()
        flash.dead = False
        life = chip.RuntimeChip(
            flash,
            bytes.fromhex(ORDER["mac"]),
            RuntimeWorld(lambda: ORDER["world"]),
            clock.ChipClock(time.ticks_us),
            lambda began=began: time.ticks_diff(time.ticks_ms(), began),
        )
        life.clock.set_us(life.world.power_on_us())
        ended = boot(chip.use(life), out, vfs, Volume)
        if ended != ORDER["until"]:
            break
        life.power_off()
    parts = {row.label: flash.told(row.offset, row.size) for row in life.rows}
    told = {
        "parts": parts,
        "network": CountedModule.asked,
        "ended": ended,
        "said": out.text[-600:],
    }
    say("\n" + json.dumps(told) + "\n")


def metered_flash(path: str) -> object:
    """Return the flash in a file, with a count by sector of what is done to it."""
    from flash import SECTOR
    from runtime.chip_flash import ChipFlash

    class MeteredFlash(ChipFlash):
        """Counts reads, programs and erases."""

        def __init__(self, path: str) -> None:
            super().__init__(path)
            self.clearing = False
            self.counts = {"reads": {}, "bytes_read": {}, "programs": {}, "erases": {}}

        def count(self, kind: str, offset: int, by: int = 1) -> None:
            counts = self.counts[kind]
            counts[offset // SECTOR] = counts.get(offset // SECTOR, 0) + by

        def told(self, offset: int, size: int) -> dict:
            sectors = range(offset // SECTOR, (offset + size) // SECTOR)
            found = {
                kind: [self.counts[kind].get(at, 0) for at in sectors] for kind in self.counts
            }
            sums = {kind: sum(found[kind]) for kind in found}
            sums["worst"] = max(found["erases"])
            return sums

        def readinto(self, offset: int, buffer: bytearray) -> None:
            if not self.clearing:
                self.count("reads", offset)
                self.count("bytes_read", offset, len(buffer))
            super().readinto(offset, buffer)

        def _program_page(self, offset: int, data: bytes) -> None:
            # What is read for a program is this stand-in's own way to clear bits.
            self.clearing = True
            super()._program_page(offset, data)
            self.clearing = False

        def _allow(self, operation: str, offset: int, length: int) -> int:
            self.count("erases" if operation == "erase" else "programs", offset)
            return super()._allow(operation, offset, length)

    return MeteredFlash(path)


def boot(life: object, out: QuietConsole, vfs: object, volume: type) -> str:
    """Do what the port does, from its own look at `nvs` to the end of main.py; return the state."""
    life.nvs()
    vfs.mount(vfs.VfsLfs2(volume("vfs")), "/")
    sys.path[:] = ["", ".frozen", "/lib"]
    with open("/main.py") as file:  # noqa: PTH123
        exec(file.read(), {"__name__": "__main__"})  # noqa: S102 - as the port runs it
    vfs.umount("/")
    for name in list(sys.modules):
        if name.split(".")[0] == "startline":
            del sys.modules[name]
    gc.collect()
    return out.text[out.text.rfind('"state":"') + 9 :].split('"')[0]


main()

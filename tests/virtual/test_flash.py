"""The flash chip keeps NOR's rules, in memory and in a file, on both interpreters."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from startline_host.virtual.flash import PAGE, SECTOR, NorFlash, PowerCut, PowerSource
from startline_host.virtual.vm_binary import find_micropython

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SIZE = 4 * SECTOR

operations = st.lists(
    st.one_of(
        st.tuples(st.just("program"), st.integers(0, SIZE), st.binary(max_size=3 * PAGE)),
        st.tuples(st.just("erase"), st.integers(0, 3), st.integers(0, 4)),
    ),
    max_size=12,
)


def apply(flash: NorFlash, operation: tuple[Any, ...]) -> None:
    """Carry out one generated operation where it fits."""
    kind, where, what = operation
    if kind == "program":
        flash.program(where, what[: SIZE - where])
    else:
        flash.erase(where * SECTOR, min(what, 4 - where) * SECTOR)


def model(content: bytearray, operation: tuple[Any, ...]) -> None:
    """Do to plain bytes what NOR flash would do."""
    kind, where, what = operation
    if kind == "program":
        for index, byte in enumerate(what[: SIZE - where]):
            content[where + index] &= byte
    else:
        count = min(what, 4 - where) * SECTOR
        content[where * SECTOR : where * SECTOR + count] = b"\xff" * count


@given(operations)
def test_memory_keeps_nor_rules(history: list[tuple[Any, ...]]) -> None:
    """Programming ANDs and erasing sets, whatever the order, edges and lengths."""
    flash, content = NorFlash(size=SIZE), bytearray(b"\xff" * SIZE)
    for operation in history:
        apply(flash, operation)
        model(content, operation)
    assert flash.read(0, SIZE) == content


@settings(max_examples=30)
@given(operations)
def test_a_file_holds_what_memory_would(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[Any, ...]]
) -> None:
    """After each operation the bytes are in the file, without a flush or a close."""
    path = tmp_path_factory.mktemp("flash") / "flash.bin"
    path.write_bytes(b"\xff" * SIZE)
    flash, content = NorFlash(str(path)), bytearray(b"\xff" * SIZE)
    for operation in history:
        apply(flash, operation)
        model(content, operation)
        assert path.read_bytes() == content
    flash.close()


class CutAfter(PowerSource):
    """Gives out after a number of bytes of programming and erasing."""

    def __init__(self, energy: int) -> None:
        self.energy = energy

    def allow(self, operation: str, offset: int, length: int) -> int:
        """Spend energy, a byte at a time."""
        done = min(self.energy, length)
        self.energy -= done
        return done


@given(operations, st.integers(0, 6 * SECTOR))
def test_a_cut_leaves_a_part_of_one_operation(history: list[tuple[Any, ...]], energy: int) -> None:
    """Cut at any byte, each byte is as it was or as it would have become."""
    flash, before = NorFlash(size=SIZE, power=CutAfter(energy)), bytearray(b"\xff" * SIZE)
    for operation in history:
        after = bytearray(before)
        model(after, operation)
        try:
            apply(flash, operation)
        except PowerCut:
            survived = flash.read(0, SIZE)
            assert all(s in {b, a} for s, b, a in zip(survived, before, after, strict=True))
            return
        before = after
    assert flash.read(0, SIZE) == before


def test_a_dead_life_refuses_to_write() -> None:
    """After a cut every write raises, and nothing changes."""
    flash = NorFlash(size=SIZE, power=CutAfter(1))
    with pytest.raises(PowerCut):
        flash.program(0, b"\x00\x00")
    writes: tuple[Callable[[], object], ...] = (
        lambda: flash.program(8, b"\x00"),
        lambda: flash.erase(0, SECTOR),
    )
    for write in writes:
        with pytest.raises(PowerCut):
            write()
    assert flash.read(0, 16) == b"\x00" + b"\xff" * 15


def test_a_cut_passes_every_handler() -> None:
    """No `except Exception` of the program that is dying can catch the cut."""
    assert not issubclass(PowerCut, Exception)


@pytest.mark.parametrize(
    "call",
    [
        lambda flash: flash.read(SIZE - 1, 2),
        lambda flash: flash.read(-1, 1),
        lambda flash: flash.program(SIZE, b"\x00"),
        lambda flash: flash.erase(0, SIZE + SECTOR),
        lambda flash: flash.erase(1, SECTOR),
        lambda flash: flash.erase(0, 1),
    ],
)
def test_what_does_not_fit_is_an_error(call: Callable[[NorFlash], object]) -> None:
    """Outside the chip, or off a sector's edge, nothing is done."""
    flash = NorFlash(size=SIZE)
    with pytest.raises(ValueError, match=r"outside|whole sectors"):
        call(flash)
    assert flash.read(0, SIZE) == b"\xff" * SIZE


def test_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    """A flash file whose length is not the chip's is not opened."""
    path = tmp_path / "flash.bin"
    path.write_bytes(b"\xff" * SECTOR)
    with pytest.raises(ValueError, match="4096 bytes"):
        NorFlash(str(path), size=SIZE)


SAME_ON_BOTH = """
import sys
sys.path.insert(0, {root!r})
from flash import NorFlash, PowerSource, PowerCut, SECTOR
flash = NorFlash({path!r})
flash.program(10, b"startline" * 100)
flash.program(12, b"\\x0f" * 700)
flash.erase(SECTOR, SECTOR)
flash.program(2 * SECTOR - 3, bytes(6))
buffer = bytearray(300)
flash.readinto(200, buffer)
class Cut(PowerSource):
    def allow(self, operation, offset, length):
        return length // 2
flash = NorFlash({path!r}, power=Cut())
for write in (lambda: flash.erase(3 * SECTOR, SECTOR), lambda: flash.program(0, b"\\x00")):
    try:
        write()
    except PowerCut:
        pass
print(flash.size, flash.dead, sum(buffer))
"""


def test_both_interpreters_agree(tmp_path: Path) -> None:
    """The very same operations leave the very same file on CPython and on MicroPython."""
    results = []
    for name, interpreter in (("c", sys.executable), ("m", find_micropython())):
        path = tmp_path / name
        path.write_bytes(b"\xa5" * SIZE)
        script = tmp_path / f"{name}.py"
        root = str(ROOT / "host_tools" / "startline_host" / "virtual")
        script.write_text(SAME_ON_BOTH.format(root=root, path=str(path)), encoding="utf-8")
        said = subprocess.run([interpreter, str(script)], capture_output=True, check=True).stdout
        results.append((said.strip(), path.read_bytes()))
    assert results[0] == results[1]


WRITER = """
import sys
sys.path.insert(0, {root!r})
from flash import NorFlash
flash = NorFlash({path!r})
print("ready", flush=True)
while True:
    flash.erase(0, flash.size)
    flash.program(0, b"\\x5a" * flash.size)
"""


def test_a_killed_writer_leaves_a_plausible_chip(tmp_path: Path) -> None:
    """Killed at any moment, every byte is erased or written, and no byte is missing."""
    path = tmp_path / "flash.bin"
    script = WRITER.format(
        root=str(ROOT / "host_tools" / "startline_host" / "virtual"), path=str(path)
    )
    path.write_bytes(b"\xff" * SIZE)
    for milliseconds in range(1, 6):
        command = [sys.executable, "-c", script]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(milliseconds / 1000)
            process.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == SIZE
        assert set(content) <= {0x5A, 0xFF}

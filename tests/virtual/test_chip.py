"""Which of the boot ROM and the program has the chip, and when."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from startline_host.virtual import slip
from startline_host.virtual import virtual_chip as chip_module
from startline_host.virtual.flash import NorFlash
from startline_host.virtual.registers import Registers
from startline_host.virtual.virtual_chip import VirtualChip

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Program:
    """Stands for the CPU: notes what is done to it, and ends when told to."""

    sleep_ms = 0

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send
        self.causes: list[str] = []
        self.running = False
        self.typed = b""
        self.ends, self._tell = os.pipe()

    def start(self, reset_cause: str) -> None:
        """Run."""
        self.causes.append(reset_cause)
        self.running = True
        self.send(b"running")

    def feed(self, data: bytes) -> None:
        """Take input."""
        self.typed += data

    def fileno(self) -> int | None:
        """Return the pipe."""
        return self.ends if self.running else None

    def pump(self) -> str | None:
        """Return how it ended."""
        self.running = False
        return os.read(self.ends, 100).decode()

    def kill(self) -> None:
        """Stop."""
        self.running = False

    def end(self, how: str) -> None:
        """End by itself."""
        os.write(self._tell, how.encode())


class ChipBench:
    """A chip in a running loop, with its output."""

    def __init__(self, flash: NorFlash) -> None:
        self.said = b""
        self.forgotten = 0
        self.cpu = Program(self.hear)
        registers = Registers(bytes(6), flash.size, lambda: 115200)
        self.chip = VirtualChip(flash, registers, self.cpu, self.hear, self.forget)

    def hear(self, data: bytes) -> None:
        """Collect output."""
        self.said += data

    def forget(self) -> None:
        """Count losses of RTC memory."""
        self.forgotten += 1

    async def until(self, words: bytes, count: int = 1) -> None:
        """Wait until `words` were said `count` times."""
        async with asyncio.timeout(10):
            while self.said.count(words) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the chip's pauses short."""
    monkeypatch.setattr(chip_module, "_TRICKLE_SECONDS", 0.005)
    monkeypatch.setattr(chip_module, "_RETRY_SECONDS", 0.005)


def run(flash: NorFlash, story: Callable[[ChipBench], Coroutine[None, None, None]]) -> ChipBench:
    """Tell `story` on a bench whose chip is off, and turn it off again."""

    async def tell() -> ChipBench:
        bench = ChipBench(flash)
        await story(bench)
        bench.chip.power_off()
        return bench

    return asyncio.run(tell())


def test_power_on_runs_the_program(bootable: NorFlash) -> None:
    """With a sound flash the program starts, and what is typed reaches it."""

    async def story(bench: ChipBench) -> None:
        bench.chip.power_on()
        bench.chip.receive(b"print(1)\r")

    bench = run(bootable, story)
    assert (bench.cpu.causes, bench.cpu.typed) == (["power_on"], b"print(1)\r")
    assert b"POWERON_RESET" in bench.said


@pytest.mark.parametrize(
    ("how", "cause", "words"),
    [
        ("reset", "soft_reset", b"rst:0xc (SW_CPU_RESET)"),
        ("wdt", "wdt", b"rst:0xc (SW_CPU_RESET)"),
        ("crash", "crash", b"rst:0xc (SW_CPU_RESET)"),
        ("deepsleep", "deepsleep", b"rst:0x5 (DEEPSLEEP_RESET)"),
    ],
)
def test_a_program_that_ends_is_started_again(
    bootable: NorFlash, how: str, cause: str, words: bytes
) -> None:
    """Each way to end is a reset of its own kind; RTC memory survives all of them."""

    async def story(bench: ChipBench) -> None:
        bench.cpu.sleep_ms = 1
        bench.chip.power_on()
        bench.cpu.end(how)
        await bench.until(b"running", 2)

    bench = run(bootable, story)
    assert bench.cpu.causes == ["power_on", cause]
    assert words in bench.said
    assert bench.forgotten == 1


def test_a_cut_in_the_program_leaves_the_chip_dark(bootable: NorFlash) -> None:
    """A program whose power was cut does not come back until EN does."""

    async def story(bench: ChipBench) -> None:
        bench.chip.power_on()
        bench.cpu.end("power")
        await asyncio.sleep(0.05)
        assert bench.cpu.causes == ["power_on"]
        bench.chip.hold()
        bench.chip.release(False)

    assert run(bootable, story).cpu.causes == ["power_on", "hard"]


def test_en_stops_the_program_at_once(bootable: NorFlash) -> None:
    """While EN is low nothing runs, nothing is heard, and RTC memory is lost."""

    async def story(bench: ChipBench) -> None:
        bench.chip.power_on()
        bench.chip.hold()
        assert not bench.cpu.running
        said = bench.said
        bench.chip.receive(b"hello")
        assert (bench.said, bench.cpu.typed, bench.forgotten) == (said, b"", 2)

    run(bootable, story)


def test_io0_low_leads_into_the_loader(bootable: NorFlash) -> None:
    """With IO0 low the ROM waits for a download, answers the loader's protocol, and no program runs."""

    async def story(bench: ChipBench) -> None:
        bench.chip.power_on()
        bench.chip.hold()
        bench.chip.release(True)
        assert bench.said.endswith(b"waiting for download\r\n")
        bench.chip.receive(slip.encode(b"\x00\x0a\x04\x00" + bytes(4) + b"\x00\x10\x00\x40"))
        assert b"\x83\x1d\xf0\x00" in bench.said
        assert not bench.cpu.running

    run(bootable, story)


@pytest.mark.parametrize(("word", "after"), [(0, b"waiting for download"), (1, b"running")])
def test_leaving_the_loader(bootable: NorFlash, word: int, after: bytes) -> None:
    """The loader can start the program, or reset with the pins as they were."""

    async def story(bench: ChipBench) -> None:
        bench.chip.hold()
        bench.chip.release(True)
        bench.said = b""
        end = b"\x00\x04\x04\x00" + bytes(4) + bytes((word, 0, 0, 0))
        bench.chip.receive(slip.encode(end))
        await bench.until(after)

    run(bootable, story)


def test_an_empty_chip_tries_for_ever() -> None:
    """A chip without a boot loader complains, is reset by its watchdog, and complains again."""

    async def story(bench: ChipBench) -> None:
        bench.chip.power_on()
        await bench.until(b"rst:0x10 (RTCWDT_RTC_RESET)", 2)
        assert bench.said.count(b"invalid header: 0xffffffff\r\n") >= 16

    assert run(NorFlash(size=4 << 20), story).cpu.causes == []


def test_an_empty_chip_starts_once_it_is_flashed(bootable: NorFlash) -> None:
    """What is tried again is the flash as it is then."""
    application = bootable.read(0x10000, 0x1000)
    bootable.erase(0x10000, 0x1000)

    async def story(bench: ChipBench) -> None:
        bench.chip.power_on()
        await bench.until(b"No bootable app partitions")
        bootable.program(0x10000, application)
        await bench.until(b"running")

    assert run(bootable, story).cpu.causes == ["wdt"]


def test_a_cut_in_the_loader_leaves_the_chip_dark(bootable: NorFlash) -> None:
    """When the flash loses power under the loader, there is no answer and nothing more to hear."""

    async def story(bench: ChipBench) -> None:
        bench.chip.hold()
        bench.chip.release(True)
        bootable.dead = True
        said = bench.said
        begin = b"\x00\x02\x10\x00" + bytes(4) + (1024).to_bytes(4, "little") * 3 + bytes(4)
        bench.chip.receive(slip.encode(begin))
        bench.chip.receive(slip.encode(begin))
        assert bench.said == said

    run(bootable, story)


def test_paused_output_stays_with_the_program(bootable: NorFlash) -> None:
    """A program is not read while the host is behind, over a reset too, and is read again after."""

    async def story(bench: ChipBench) -> None:
        bench.chip.power_on()
        bench.chip.pause_output(paused=True)
        bench.cpu.end("reset")
        await asyncio.sleep(0.03)
        assert bench.cpu.causes == ["power_on"]
        bench.chip.pause_output(paused=False)
        await bench.until(b"running", 2)

    run(bootable, story)

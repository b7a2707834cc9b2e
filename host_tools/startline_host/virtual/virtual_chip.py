"""The chip between its pins: who has the serial line, the boot ROM or the running program."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from startline_host.virtual import boot_messages as say
from startline_host.virtual.flash import PowerCut
from startline_host.virtual.flash_boot import FlashBoot, boot
from startline_host.virtual.rom import RUN, RomLoader

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.virtual.flash import NorFlash
    from startline_host.virtual.registers import Registers

_TRICKLE_SECONDS = 0.1
"""The pause between the lines of a chip that finds nothing to start."""
_RETRY_SECONDS = 0.5
"""The pause before a chip that could not start, or whose program crashed, resets itself."""


class CpuLike(Protocol):
    """What runs the program: see `cpu.Cpu`."""

    sleep_ms: int
    """After an exit for "deepsleep": how long the chip stays down, 0 for until EN."""

    def start(self, reset_cause: str) -> None:
        """Run from the beginning; `reset_cause` is what `machine.reset_cause` tells."""

    def feed(self, data: bytes) -> None:
        """Take bytes from the serial line."""

    def fileno(self) -> int | None:
        """Return what to wait on for output, or None when nothing runs."""

    def pump(self) -> str | None:
        """Pass on what there is to read; return why the program ended, or None."""

    def kill(self) -> None:
        """End the program at once; it is dead on return."""


class VirtualChip:
    """An ESP32 with its flash, in an asyncio loop.

    `send` puts bytes on the serial line; `forget` is called whenever the supply or EN was
    low, which is what RTC memory does not survive; `unplugged` when the power went in the middle
    of a flash operation, after which only a new chip on the same flash goes on.
    """

    def __init__(
        self,
        flash: NorFlash,
        registers: Registers,
        cpu: CpuLike,
        send: Callable[[bytes], None],
        forget: Callable[[], None],
        unplugged: Callable[[], None] = lambda: None,
    ) -> None:
        self._unplugged = unplugged
        self._flash = flash
        self._registers = registers
        self._cpu = cpu
        self._send = send
        self._forget = forget
        self._loader: RomLoader | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watched: int | None = None
        self._paused = False

    def power_on(self) -> None:
        """Start from flash, as when the supply comes up with nothing pulling IO0."""
        self._forget()
        self._start_from_flash(say.POWER_ON, "power_on")

    def hold(self) -> None:
        """EN is low: stop everything now."""
        self._halt()
        self._forget()

    def release(self, io0_is_low: bool) -> None:  # noqa: FBT001 - the pin's level
        """EN rises: sample IO0 and start into the serial loader (low) or from flash (high)."""
        if io0_is_low:
            self._start_loader(say.POWER_ON)
        else:
            self._start_from_flash(say.POWER_ON, "hard")

    def power_off(self) -> None:
        """Stop for good."""
        self._halt()

    def receive(self, data: bytes) -> None:
        """Take bytes from the serial line; a chip in reset or without a program drops them."""
        if self._loader is not None:
            self._feed_loader(self._loader, data)
        elif self._watched is not None:
            self._cpu.feed(data)

    def pause_output(self, *, paused: bool) -> None:
        """Leave the program's output where it is, or take it up again."""
        self._paused = paused
        fd = self._cpu.fileno() if self._watched is not None else None
        if fd is None:
            return
        if paused:
            asyncio.get_running_loop().remove_reader(fd)
        else:
            asyncio.get_running_loop().add_reader(fd, self._pump)

    def _feed_loader(self, loader: RomLoader, data: bytes) -> None:
        try:
            self._send(loader.feed(data))
        except PowerCut:
            self._halt()
            self._unplugged()
            return
        if loader.leaving is None:
            return
        self._loader = None
        if loader.leaving == RUN:
            self._start_from_flash(say.SOFTWARE, "soft_reset")
        else:
            self._start_loader(say.SOFTWARE)

    def _start_loader(self, reason: say.ResetReason) -> None:
        self._halt()
        self._loader = RomLoader(self._flash, self._registers)
        self._send(say.download_mode(reason))

    def _start_from_flash(self, reason: say.ResetReason, cause: str) -> None:
        self._halt()
        result = boot(self._flash, reason)
        self._send(result.text)
        if result.retry is not None:
            self._fail(result, 0)
        else:
            self._run(cause)

    def _fail(self, result: FlashBoot, said: int) -> None:
        """Say the next line of a failed start, or reset once all is said."""
        retry = result.retry
        if said < len(result.trickle):
            self._send(result.trickle[said])
            self._later(_TRICKLE_SECONDS, lambda: self._fail(result, said + 1))
        elif retry is not None:
            self._later(_RETRY_SECONDS, lambda: self._start_from_flash(retry, "wdt"))

    def _run(self, cause: str) -> None:
        self._cpu.start(cause)
        self._watched = self._cpu.fileno()
        if self._watched is not None and not self._paused:
            asyncio.get_running_loop().add_reader(self._watched, self._pump)

    def _pump(self) -> None:
        ended = self._cpu.pump()
        if ended is None:
            return
        self._unwatch()
        if ended == "reset":
            self._start_from_flash(say.SOFTWARE_CPU, "soft_reset")
        elif ended == "wdt":
            self._start_from_flash(say.SOFTWARE_CPU, "wdt")
        elif ended == "deepsleep":
            self._sleep(self._cpu.sleep_ms)
        elif ended == "power":
            self._unplugged()
        else:
            self._later(_RETRY_SECONDS, lambda: self._start_from_flash(say.SOFTWARE_CPU, "crash"))

    def _sleep(self, milliseconds: int) -> None:
        if milliseconds:
            self._later(
                milliseconds / 1000, lambda: self._start_from_flash(say.DEEP_SLEEP, "deepsleep")
            )

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, call)

    def _halt(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loader = None
        self._unwatch()
        self._cpu.kill()

    def _unwatch(self) -> None:
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None

"""The process of one virtual ESP32: flash, chip and ports in one event loop until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

from startline_host.errors import BadInput
from startline_host.virtual.chip_options import ChipEndpoints, ChipOptions, check_ppm, parse_mac
from startline_host.virtual.control import ControlPipe
from startline_host.virtual.cpu import Cpu, CpuConfig
from startline_host.virtual.flash import Fuse, NorFlash
from startline_host.virtual.flash_file import FlashFile
from startline_host.virtual.pty_end import PtyEnd
from startline_host.virtual.registers import Registers
from startline_host.virtual.reset_circuit import ResetCircuit
from startline_host.virtual.tcp import LOOPBACK, RawCoding, Rfc2217Coding, listen
from startline_host.virtual.uart import UartHub
from startline_host.virtual.virtual_chip import VirtualChip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def serve(
    settings: ChipOptions, on_ready: Callable[[ChipEndpoints], None], *, controlled: bool = False
) -> None:
    """Run a virtual ESP32 until SIGTERM, SIGINT or SIGHUP; call `on_ready` once it listens.

    `controlled` takes commands on standard input and ends with it (see `control`). Raises
    BadInput for a flash file, MAC or port that cannot be used, or without a MicroPython.
    """
    asyncio.run(_ChipServer(settings).run(on_ready, controlled=controlled))


class _ChipServer:
    def __init__(self, settings: ChipOptions) -> None:
        self._settings = settings
        self._mac = parse_mac(settings.mac)
        self._ppm = check_ppm(settings.ppm)
        self._uart = UartHub(paced=settings.paced)
        self._state = settings.flash.with_name(f"{settings.flash.name}.state")
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._fuse_path = settings.flash.with_name(f"{settings.flash.name}.fuse")
        self._fuse: Fuse | None = None

    async def run(self, on_ready: Callable[[ChipEndpoints], None], *, controlled: bool) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._fail)
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._stop.set)
        async with contextlib.AsyncExitStack() as stack:
            cpu, chip = self._make_chip(stack)
            listening = await self._open_ports(stack, cpu)
            if controlled:
                control = ControlPipe(self._uart, cpu.uarts, chip, self._fuse, self._stop.set)
                await control.start()
                stack.callback(control.close)
            on_ready(listening)
            chip.power_on()
            await self._stop.wait()
        if self._failure is not None:
            raise self._failure

    def _make_chip(self, stack: contextlib.AsyncExitStack) -> tuple[Cpu, VirtualChip]:
        settings, uart = self._settings, self._uart
        file = FlashFile(settings.flash, settings.flash_size)
        stack.callback(file.close)
        self._fuse = self._make_fuse(stack)
        flash = NorFlash(str(settings.flash), power=self._fuse)
        stack.callback(flash.close)
        stack.callback(shutil.rmtree, self._state, ignore_errors=True)
        config = CpuConfig(
            flash_path=settings.flash.absolute(),
            flash_size=file.size,
            mac=self._mac,
            world_path=settings.world.absolute() if settings.world else None,
            state_dir=self._state.absolute(),
            lock_fd=file.lock_fd,
            fuse_path=self._fuse_path if self._fuse else None,
            cut_after=settings.cut_after or 0,
            ppm=self._ppm,
            paced=settings.paced,
        )
        registers = Registers(self._mac, file.size, lambda: uart.baud)
        cpu = Cpu(config, uart.send)
        chip = VirtualChip(flash, registers, cpu, uart.send, self._forget, self._stop.set)
        stack.callback(chip.power_off)
        circuit = ResetCircuit(chip.hold, chip.release, asyncio.get_running_loop().call_later)
        uart.receive = chip.receive
        uart.set_lines = lambda dtr, rts: circuit.set_lines(dtr=dtr, rts=rts)
        uart.pause_output = lambda paused: chip.pause_output(paused=paused)
        return cpu, chip

    def _make_fuse(self, stack: contextlib.AsyncExitStack) -> Fuse | None:
        """Make the fuse that boot loader and run time share, if this chip has one."""
        if self._settings.cut_after is None:
            return None
        self._fuse_path.write_bytes(bytes(4))
        stack.callback(self._fuse_path.unlink, missing_ok=True)
        fuse = Fuse(str(self._fuse_path), self._settings.cut_after)
        stack.callback(fuse.close)
        return fuse

    async def _open_ports(self, stack: contextlib.AsyncExitStack, cpu: Cpu) -> ChipEndpoints:
        settings, uart = self._settings, self._uart
        server, port = await listen(uart, settings.port, Rfc2217Coding)
        stack.callback(server.close)
        raw = await self._open_raw(stack, uart, settings.raw_port)
        pty = None
        if settings.pty:
            end = PtyEnd(uart)
            stack.callback(end.close)
            pty = end.path
        uart1 = await self._open_raw(stack, cpu.uarts.line(1), settings.uart1)
        uart2 = await self._open_raw(stack, cpu.uarts.line(2), settings.uart2)
        return ChipEndpoints(f"rfc2217://{LOOPBACK}:{port}", raw, pty, os.getpid(), uart1, uart2)

    async def _open_raw(
        self, stack: contextlib.AsyncExitStack, uart: UartHub, port: int | None
    ) -> str | None:
        """Open a line as a bare byte stream; return its URL."""
        if port is None:
            return None
        server, port = await listen(uart, port, lambda *_: RawCoding())
        stack.callback(server.close)
        return f"socket://{LOOPBACK}:{port}"

    def _forget(self) -> None:
        """Empty what survives a software reset only."""
        _empty(self._state)

    def _fail(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End the process for a fault in any callback: a chip half alive helps nobody."""
        self._failure = (
            self._failure or context.get("exception") or RuntimeError(context["message"])
        )
        self._stop.set()


def _empty(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise BadInput(f"The folder {folder} cannot be made: {error.strerror}.") from error

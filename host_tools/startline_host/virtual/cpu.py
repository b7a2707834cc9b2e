"""Runs the chip's program: the real MicroPython as a child process, and the bytes to and from it.

The child reads and writes pipes, so nothing between it and the line changes a byte. A terminal
is its controlling one all the same: when this process dies, however it dies, the hang-up ends
the child too. What goes over the pipes beside the console's bytes is told in runtime/vm_console.py.
"""

from __future__ import annotations

import array
import fcntl
import json
import os
import signal
import subprocess
import termios
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from startline_host.secrets import child_environment
from startline_host.virtual.compiled_runtime import START, compiled_runtime
from startline_host.virtual.interrupt import Interrupt
from startline_host.virtual.uart_ports import UartPorts
from startline_host.virtual.vm_binary import micropython_command
from startline_host.virtual.vm_stream import VmStreamDecoder, frame, make_prefix
from startline_host.virtual.watchdog import Watchdog

_READ = 65536
_TIMES_KEPT = 64
"""How many settings of the clock, and files, are told to the next life: each is a few bytes."""
_INTERRUPT_WORDS = "iokah"
_UART_WORDS = ("t", "b", "l")
_TIME_WORDS = ("c", "f")


@dataclass(frozen=True, kw_only=True)
class CpuConfig:
    """What a chip is made of.

    `mac` is its six bytes, `heap_size` what MicroPython's -X heapsize takes, `input_ring` the
    bytes of input that wait at most (None: any number; a real chip holds 260 and drops the rest),
    `lock_fd` a descriptor that the child keeps open. `fuse_path` and `cut_after` make the flash's
    `Fuse`, if there is one. `ppm` is by how many parts in a million the crystal is too fast;
    `paced` lets bytes take their time on the lines of `machine.UART`.
    """

    flash_path: Path
    flash_size: int
    mac: bytes
    state_dir: Path
    world_path: Path | None = None
    heap_size: str = "2M"
    lock_fd: int | None = None
    input_ring: int | None = None
    fuse_path: Path | None = None
    cut_after: int = 0
    ppm: float = 0.0
    paced: bool = False


class Cpu:
    """The CPU of one chip: started and killed by the chip, pumped when `fileno()` is readable.

    Raises BadInput when there is no MicroPython to run.
    """

    def __init__(self, config: CpuConfig, on_output: Callable[[bytes], None]) -> None:
        self._config = config
        self._on_output = on_output
        self._program = micropython_command()
        self._compiled = compiled_runtime()
        self._child: subprocess.Popen[bytes] | None = None
        self._fds: dict[str, int] = {}
        self._prefix = b""
        self._decoder = VmStreamDecoder(b"\xff")
        self._queue = bytearray()
        self._interrupt = Interrupt(self._tell, self._signal, self._rescue)
        self._watchdog, self._bitten = Watchdog(self._bite), False
        self._herald: threading.Thread | None = None
        self.sleep_ms = 0
        self.pins: dict[int, int] = {}
        self.uarts = UartPorts(paced=config.paced)
        self._uart_fds: dict[int, int] = {}
        self._times: dict[str, Any] = {"anchors": [], "written": {}}

    def start(self, reset_cause: str) -> None:
        """Begin a life: "power_on", "hard", "soft_reset", "wdt", "deepsleep" or "crash".

        "power_on" and "hard" lose what RTC memory and clock kept.
        """
        self.kill()
        if reset_cause in ("power_on", "hard"):
            (self._config.state_dir / "rtc").unlink(missing_ok=True)
        self._queue.clear()
        self.pins.clear()
        self._open()
        self._spawn(reset_cause, "friendly", None)

    def feed(self, data: bytes) -> None:
        """Take bytes from the line; the interrupt character is none of them while it counts."""
        if self._child is None:
            return
        self._enqueue(self._interrupt.take(data))
        self._flush()

    def fileno(self) -> int | None:
        """Return the descriptor to wait on, the same from `start` to the end of a life."""
        return self._fds.get("output")

    @property
    def pid(self) -> int:
        """The number of the VM's process, 0 between two lives."""
        return 0 if self._child is None else self._child.pid

    def pump(self) -> str | None:
        """Move what the VM wrote to `on_output`; return why its life ended, if it did.

        "reset", "wdt", "deepsleep" (for `sleep_ms`, 0 for ever), "power", or "crash".
        """
        if self._child is None:
            return None
        self._flush()
        try:
            data = os.read(self._fds["output"], _READ)
        except BlockingIOError:
            data = b""
        return self._take(data)

    def kill(self) -> None:
        """Cut the VM off; it is dead when this returns, and what it still had to say is lost."""
        self._bury()
        self.uarts.close()
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()

    def _bite(self) -> None:
        self._bitten = True  # before the herald can tell of the death
        self._kill_child()

    def _kill_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def _bury(self) -> None:
        """Kill the child; throw away what is still on its way, its herald's word included."""
        self._watchdog.stop()
        self._interrupt.disarm()
        self._kill_child()
        while self._herald is not None and self._herald.is_alive():
            self._drain()
            self._herald.join(0.001)
        self._herald = None
        if self._child is not None:
            self._drain()
            os.read(self._fds["child_control"], _unread(self._fds["child_control"]))
        self._child = None

    def _drain(self) -> None:
        try:
            while os.read(self._fds["output"], _READ):
                pass
        except BlockingIOError:
            return

    def _open(self) -> None:
        """Open the pipes and the terminal of one life."""
        fds = self._fds
        fds["child_input"], fds["input"] = os.pipe()
        fds["output"], fds["child_output"] = os.pipe()
        fds["child_control"], fds["control"] = os.pipe()
        fds["terminal"], fds["child_terminal"] = os.openpty()
        for name in ("input", "output"):
            os.set_blocking(fds[name], False)
        self._uart_fds = self.uarts.open()

    def _spawn(self, cause: str, mode: str, carried: object) -> None:
        """Start the child, again on the same pipes after a soft reset."""
        self._prefix = make_prefix()
        self._decoder = VmStreamDecoder(self._prefix)
        self._watchdog, self._bitten = Watchdog(self._bite), False
        self._tell(self._configuration(cause, mode, carried))
        self.uarts.clear()
        passed = [self._fds["child_control"], *self._uart_fds.values()]
        if self._config.lock_fd is not None:
            passed.append(self._config.lock_fd)
        _let_children_hang_up()
        self._child = subprocess.Popen(
            [
                *self._program,
                "-X",
                f"heapsize={self._config.heap_size}",
                str(START),
                str(self._fds["child_control"]),
                *([] if self._compiled is None else [str(self._compiled)]),
            ],
            stdin=self._fds["child_input"],
            stdout=self._fds["child_output"],
            stderr=subprocess.STDOUT,
            pass_fds=passed,
            start_new_session=True,
            cwd="/",
            env={k: v for k, v in child_environment().items() if not k.startswith("MICROPY")},
        )
        self._interrupt.watch(self._child.pid)
        self._herald = threading.Thread(
            target=_announce_end,
            args=(self._child, self._fds["child_output"], frame(self._prefix, b"d")),
            daemon=True,
        )
        self._herald.start()

    def _configuration(self, cause: str, mode: str, carried: object) -> bytes:
        """Return the line that runtime/boot.py reads first."""
        config = self._config
        values = {
            "prefix": self._prefix.hex(),
            "flash": str(config.flash_path.absolute()),
            "flash_size": config.flash_size,
            "mac": config.mac.hex(),
            "world": None if config.world_path is None else str(config.world_path.absolute()),
            "state": str(config.state_dir.absolute()),
            "terminal": os.ttyname(self._fds["child_terminal"]),
            "fuse": None if config.fuse_path is None else str(config.fuse_path.absolute()),
            "cut_after": config.cut_after,
            "ppb": round(config.ppm * 1000),
            "paced": config.paced,
            "uarts": self._uart_fds,
            "times": self._times,
            "cause": cause,
            "mode": mode,
            "carried": carried,
        }
        return json.dumps(values).encode() + b"\n"

    def _take(self, data: bytes) -> str | None:
        for kind, piece in self._decoder.feed(data):
            if kind == "line":
                self._on_output(piece)
            else:
                reason = self._obey(chr(piece[0]), piece[1:])
                if reason is not None:
                    return reason
        return None

    def _obey(self, word: str, argument: bytes) -> str | None:
        """Do what the VM asks for; return why its life ended, if it did."""
        if word in _INTERRUPT_WORDS:
            self._interrupt.obey(word, argument)
        elif word == "w":
            self._watchdog.feed(int(argument))
        elif word == "p":
            pin, level = argument.split()
            self.pins[int(pin)] = int(level)
        elif word in _UART_WORDS:
            self.uarts.obey(word, argument)
        elif word in _TIME_WORDS:
            self._note_time(word, json.loads(argument))
        elif word == "x":
            return self._end(argument.decode())
        elif word == "d":
            return self._end("wdt" if self._bitten else "crash")
        return None

    def _note_time(self, word: str, times: list[Any]) -> None:
        """Keep for the next life what runtime/file_times.py knows, the newest of it."""
        if word == "c":
            self._times["anchors"] = [*self._times["anchors"][-_TIMES_KEPT:], times]
        else:
            file, *both = times
            self._times["written"].pop(file, None)
            written = [*self._times["written"].items(), (file, both)]
            self._times["written"] = dict(written[-_TIMES_KEPT:])

    def _end(self, reason: str) -> str | None:
        word, _, rest = reason.partition(" ")
        if word == "soft":
            left = json.loads(rest)
            self._bury()
            self._spawn("soft", left["mode"], left["carried"])
            return None
        if word == "rescue":
            self._bury()
            self._spawn("rescue", rest, None)
            return None
        if word == "deepsleep":
            self.sleep_ms = int(rest)
        self.kill()
        return word

    def _tell(self, data: bytes) -> None:
        os.write(self._fds["control"], data)

    def _signal(self) -> None:
        if self._child is not None:
            self._child.send_signal(signal.SIGINT)

    def _rescue(self, *, raw: bool) -> None:
        """Say for a VM that is dead what it says itself of a broken heap, see vm_console.py."""
        told = b"\x04KeyboardInterrupt: \n\x04" if raw else b"KeyboardInterrupt: \n"
        word = b"xrescue raw" if raw else b"xrescue friendly"
        os.write(self._fds["child_output"], told + frame(self._prefix, word))

    def _enqueue(self, data: bytes) -> None:
        if self._config.input_ring is not None:
            waiting = len(self._queue) + _unread(self._fds["child_input"])
            data = data[: max(0, self._config.input_ring - waiting)]
        self._queue += data

    def _flush(self) -> None:
        while self._queue:
            try:
                del self._queue[: os.write(self._fds["input"], self._queue)]
            except BlockingIOError:
                return


def _announce_end(child: subprocess.Popen[bytes], output: int, word: bytes) -> None:
    """Put a word behind everything that the child wrote when it is dead, however it died."""
    child.wait()
    os.write(output, word)


def _let_children_hang_up() -> None:
    """Undo what `nohup` does to children: an ignored SIGHUP would be ignored by the VM as well."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def _unread(fd: int) -> int:
    """Return how many bytes wait in a pipe."""
    count = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]

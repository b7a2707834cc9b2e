"""A virtual ESP32 as a process of its own, for tests and benches."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from startline_host import errors
from startline_host.secrets import child_environment
from startline_host.virtual.chip_options import DEFAULT_MAC, ChipEndpoints
from startline_host.virtual.flash_file import wait_until_free
from startline_host.virtual.uart import UartCounts

if TYPE_CHECKING:
    from types import TracebackType

_START_SECONDS = 20.0
_ANSWER_SECONDS = 10.0
_STOP_SECONDS = 10.0
_PACKAGES = str(Path(__file__).resolve().parent.parent.parent)


class VirtualEsp32:
    """A running chip on the flash in `flash_path`, made blank if there is none.

    Use it as a context manager, or end it with `stop` (a tidy end) or `kill` (a power cut);
    the next life is a new object on the same file. It dies with the process that made it.
    `raw` opens a byte stream without modem lines beside the RFC 2217 port, `paced` makes the
    line as slow as its baud rate. `cut_after` pulls the plug in the middle of the flash operation
    that follows so many others: the port is gone then. `uart1` and `uart2` open the other end of
    `machine.UART(1)` and `(2)` on these TCP ports, 0 for a free one; `ppm` is by how much the
    crystal is too fast. Raises BadInput when the chip cannot start.
    """

    def __init__(
        self,
        flash_path: Path | str,
        *,
        port: int = 0,
        pty: bool = False,
        raw: bool = False,
        mac: str = DEFAULT_MAC,
        world: Path | str | None = None,
        flash_size: int | None = None,
        paced: bool = False,
        cut_after: int | None = None,
        uart1: int | None = None,
        uart2: int | None = None,
        ppm: float = 0.0,
    ) -> None:
        self._flash = Path(flash_path)
        command = [sys.executable, "-m", "startline_host.virtual", "--controlled"]
        command += ["--flash", str(flash_path), "--port", str(port), "--mac", mac]
        command += ["--pty"] if pty else []
        command += ["--raw-port", "0"] if raw else []
        command += ["--world", str(world)] if world else []
        command += ["--flash-size", str(flash_size)] if flash_size else []
        command += ["--paced"] if paced else []
        command += [] if cut_after is None else ["--cut-after", str(cut_after)]
        command += [] if uart1 is None else ["--uart1", str(uart1)]
        command += [] if uart2 is None else ["--uart2", str(uart2)]
        command += [f"--ppm={ppm}"] if ppm else []
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**child_environment(), "PYTHONPATH": _python_path()},
            start_new_session=True,
        )
        self._answers = b""
        try:
            self._listening = self._wait_until_listening()
        except BaseException:
            self._end()
            raise

    @property
    def url(self) -> str:
        """The pyserial URL of the port with modem lines, `rfc2217://127.0.0.1:N`."""
        return self._listening.url

    @property
    def raw_url(self) -> str | None:
        """The pyserial URL of the port without modem lines, if `raw` asked for one."""
        return self._listening.raw

    @property
    def pty_path(self) -> str | None:
        """The path of the pseudo-terminal, if `pty` asked for one."""
        return self._listening.pty

    @property
    def uart1_url(self) -> str | None:
        """The pyserial URL of the other end of `machine.UART(1)`, if `uart1` asked for one."""
        return self._listening.uart1

    @property
    def uart2_url(self) -> str | None:
        """The pyserial URL of the other end of `machine.UART(2)`, if `uart2` asked for one."""
        return self._listening.uart2

    @property
    def pid(self) -> int:
        """The process that is the chip."""
        return self._listening.pid

    def counts(self) -> UartCounts:
        """Return how many bytes the chip has received and sent, and how long the line took."""
        answer = self._ask("count")
        return UartCounts(answer["received"], answer["sent"], answer["busy"])

    def uart_lost(self, number: int) -> int:
        """Return how many bytes `machine.UART(number)` had no room for."""
        return int(self._ask("count")["lost"][str(number)])

    def operations(self) -> int:
        """Return how many flash operations there were; only a chip with `cut_after` counts them."""
        return int(self._ask("count")["operations"])

    def has_power(self) -> bool:
        """Tell whether the chip still runs; after `cut_after` operations it does not."""
        return self._process.poll() is None

    def reset(self, *, hold_boot: bool = False) -> None:
        """Press the EN button; with `hold_boot` the chip comes up in its serial loader."""
        self._ask("download" if hold_boot else "reset")

    def stop(self) -> None:
        """End the process tidily and wait for it."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def kill(self) -> None:
        """Cut the power: SIGKILL. On return nothing that belonged to the chip runs any more."""
        self._process.kill()
        self._end()
        if not wait_until_free(self._flash):
            raise errors.Bug(f"Something still uses {self._flash} after its chip was killed.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_listening(self) -> ChipEndpoints:
        line = self._read_line(_START_SECONDS)
        if "error" in line:
            raise errors.BadInput(line["error"], line["hint"])
        return ChipEndpoints(**line)

    def _ask(self, what: str) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for as a pipe
        self._process.stdin.write(json.dumps({"do": what}).encode() + b"\n")
        self._process.stdin.flush()
        return self._read_line(_ANSWER_SECONDS)

    def _read_line(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for as a pipe
        fd = self._process.stdout.fileno()
        deadline = time.monotonic() + seconds
        while b"\n" not in self._answers:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise errors.Bug(f"The virtual ESP32 gave no answer in {seconds:.0f} s.")
            data = os.read(fd, 65536)
            if not data:
                raise errors.Bug("The virtual ESP32 ended by itself.")
            self._answers += data
        line, _, self._answers = self._answers.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _python_path() -> str:
    """Return where the new process finds this very package, whatever else is installed."""
    rest = os.environ.get("PYTHONPATH")
    return os.pathsep.join([_PACKAGES, rest] if rest else [_PACKAGES])

"""A session with a chip's boot loader, spoken by esptool in processes of its own.

esptool is GPL and this project is MIT, so it is run and never imported. One verb is one process;
the flasher stub stays in the chip's RAM between them (`--after no-reset-stub`, then `--before
no-reset`), so that a session resets the chip once.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import msgspec

from startline_host.device.esptool_output import DetectedChip, EsptoolOutput, WrittenRegion
from startline_host.device.esptool_process import run_esptool
from startline_host.device.exchange_files import ExchangeFiles, exchange_files
from startline_host.device.flash_rate import RATES, rates_from, remember, remembered
from startline_host.device.port import check_url
from startline_host.device.port_lock import canonical
from startline_host.errors import DeviceSilent, StartlineError, StorageFailed

#: A stub that was left at another rate is not found again: only the last verb may go faster.
_SYNC_BAUD = 115200
DEFAULT_BAUD = RATES[0]

#: What connecting may take, and what a byte may take, in seconds, before esptool is given up.
_CONNECT_LIMIT = 60.0
_BYTE_LIMIT = 1 / 4000


class RegionLike(Protocol):
    """Bytes and the flash offset that they belong to."""

    @property
    def offset(self) -> int:
        """Bytes from the start of flash."""

    @property
    def data(self) -> bytes:
        """What shall stand there."""


class TransferProgress(msgspec.Struct, frozen=True):
    """How far a transfer is: `verb` is "read" or "write", the rest counts bytes on the wire."""

    verb: str
    done: int
    total: int


class WriteReport(msgspec.Struct, frozen=True):
    """What a write did: regions written, offsets that held the right bytes already."""

    written: tuple[WrittenRegion, ...]
    skipped: tuple[int, ...]

    @property
    def sent(self) -> int:
        """Bytes that went over the wire, compressed."""
        return sum(region.sent for region in self.written)


ProgressHook = Callable[[TransferProgress], None]
#: Is told, once, at which rate writing failed, the one that it goes on at, and what happened. It is
#: told only when the chip answers again: where its power is gone, no rate is at fault.
SlowerHook = Callable[[int, int, str], None]


class BootLoader:
    """The boot loader behind a serial URL; nobody else may hold the port while a verb runs.

    `attempts` is how often esptool tries to connect, each time with a reset where there are wires.
    Writing begins at `baud`, or at what the port was last seen to keep up with, and goes on slower
    where that fails; `slower` is told so.

    Raises NoSuchPort, DeviceSilent, WrongDevice or StorageFailed for what esptool reports.
    """

    def __init__(
        self,
        url: str,
        baud: int = DEFAULT_BAUD,
        progress: ProgressHook | None = None,
        *,
        attempts: int = 7,
        slower: SlowerHook | None = None,
    ) -> None:
        check_url(url)
        self.url = url if "://" in url else canonical(url)
        self.baud = baud
        self._slower = slower or _go_on_quietly
        self._attempts = attempts
        self._progress = progress or _no_progress
        self._in_stub = False
        self._chip = "auto"
        self._blank: list[tuple[int, int]] = []

    def identify(self, perhaps_blank: Mapping[int, int] = MappingProxyType({})) -> DetectedChip:
        """Return chip type, MAC and flash size. Raises DeviceSilent where they are not told.

        `perhaps_blank` are lengths by offset: the chip tells on the way which of these stretches
        are blank, by their MD5, and what is known to be blank need not come over the line.
        """
        output = EsptoolOutput()
        if perhaps_blank:
            self._compare_with_blank(perhaps_blank, output)
        else:
            self._run(["flash-id"], _SYNC_BAUD, 0, _ignore, output)
        if output.chip is None or not output.chip.flash_size:
            raise DeviceSilent(
                f"The boot loader at {self.url} does not report its chip and flash size.",
                "Run the command again; check the board's power and its flash chip.",
            )
        # Once it is known, esptool need not find out again.
        self._chip = output.chip.kind.lower().replace("-", "")
        return output.chip

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes of flash from `offset`. Raises StorageFailed on a short answer."""
        if any(at <= offset and offset + length <= end for at, end in self._blank):
            return b"\xff" * length

        def report(output: EsptoolOutput) -> None:
            self._progress(TransferProgress("read", int(length * output.percent / 100), length))

        with exchange_files() as files:
            name = files.add()
            arguments = ["read-flash", hex(offset), hex(length), name]
            self._run(arguments, _SYNC_BAUD, length, report, files=files)
            data = files.read(name)
        if len(data) != length:
            raise StorageFailed(f"Reading {length} bytes at {offset:#x} gave {len(data)}.")
        return data

    def write(self, regions: Sequence[RegionLike]) -> WriteReport:
        """Write, in one go, the regions that the flash does not hold yet, and verify them.

        The chip compares by MD5 and skips what is there, also what a try at a faster rate has
        written. Raises StorageFailed when a region does not read back at any rate.
        """
        if not regions:
            return WriteReport((), ())
        self._blank.clear()
        sizes = {region.offset: wire_size(region.data) for region in regions}
        # After one region that does not deflate, esptool 5.6 sends all behind it as they are.
        regions = sorted(regions, key=lambda region: sizes[region.offset] >= len(region.data))
        total = sum(sizes.values())
        report = _write_progress(regions, sizes, self._progress)
        with exchange_files() as files:
            arguments = ["write-flash", "--skip-flashed", "--flash-mode", "keep"]
            arguments += ["--flash-freq", "keep", "--flash-size", "keep"]
            for region in regions:
                arguments += [hex(region.offset), files.add(region.data)]
            size = sum(len(region.data) for region in regions)
            outputs = self._run_at_rates(arguments, size, report, files)
        self._progress(TransferProgress("write", total, total))
        written = tuple(region for output in outputs for region in output.written)
        ours = {region.offset for region in written}
        return WriteReport(written, tuple(at for at in outputs[-1].skipped if at not in ours))

    def _run_at_rates(
        self,
        verb: list[str],
        size: int,
        report: Callable[[EsptoolOutput], None],
        files: ExchangeFiles,
    ) -> list[EsptoolOutput]:
        """Run a verb at the fastest rate that works; return what each try printed, the last whole.

        A try that fails leaves the stub at a rate that is not known: the chip is reset for the next.
        """
        wanted = max(self.baud, _SYNC_BAUD)
        rates = rates_from(remembered(self.url, wanted))
        outputs: list[EsptoolOutput] = []
        failed: list[tuple[int, int, str]] = []

        def hear(output: EsptoolOutput) -> None:
            if failed and len(outputs) == 2 and output.chip is not None:
                self._slower(*failed.pop())
            report(output)

        for rate, next_rate in zip(rates, (*rates[1:], 0), strict=True):
            outputs.append(EsptoolOutput())
            try:
                self._run(verb, rate, size, hear, outputs[-1], files=files)
            except (StorageFailed, DeviceSilent) as failure:
                # What had not even connected did so at the first rate of all.
                if not next_rate or outputs[-1].chip is None:
                    raise
                failed.append((rate, next_rate, failure.message))
                continue
            remember(self.url, rate, wanted)
            break
        return outputs

    def _compare_with_blank(self, lengths: Mapping[int, int], output: EsptoolOutput) -> None:
        """Have the chip compare stretches with blank ones."""
        with exchange_files() as files:
            arguments = ["verify-flash", "--flash-size", "detect"]
            for offset, length in lengths.items():
                arguments += [hex(offset), files.add(b"\xff" * length)]
            size = sum(lengths.values())
            try:
                self._run(arguments, _SYNC_BAUD, size, _ignore, output, files=files)
            except StartlineError:
                # A stretch behind the end of a smaller flash: what chip it is has been told by then.
                if output.chip is None or not output.chip.flash_size:
                    raise
        self._blank = [(at, at + lengths[at]) for at in output.verified]

    def _run(
        self,
        verb: list[str],
        baud: int,
        size: int,
        report: Callable[[EsptoolOutput], None],
        output: EsptoolOutput | None = None,
        *,
        files: ExchangeFiles | None = None,
    ) -> EsptoolOutput:
        before = "no-reset" if self._in_stub else "default-reset"
        self._in_stub = False
        command = ["--port", self.url, "--baud", str(baud)]
        command += ["--chip", self._chip, "--before", before, "--after", "no-reset-stub"]
        command += ["--connect-attempts", str(self._attempts), *verb]
        output = output or EsptoolOutput()
        limit = _CONNECT_LIMIT + size * _BYTE_LIMIT
        passed = files.passed if files is not None else ()
        ended_well = run_esptool(command, limit, output, report, passed=passed)
        if not ended_well and not output.compared:
            raise output.failure(self.url)
        self._in_stub = baud == _SYNC_BAUD
        return output


def wire_size(data: bytes) -> int:
    """Return how many bytes esptool sends for `data`: it deflates them, at its highest level."""
    return min(len(data), len(zlib.compress(data, 9)))


def _write_progress(
    regions: Sequence[RegionLike], sizes: Mapping[int, int], progress: ProgressHook
) -> Callable[[EsptoolOutput], None]:
    """Return a reporter that turns esptool's percentages of one region into bytes of them all.

    `sizes` are the regions' bytes on the wire, by offset.
    """
    order = [region.offset for region in regions]
    total = sum(sizes.values())

    def report(output: EsptoolOutput) -> None:
        settled = {region.offset for region in output.written} | set(output.skipped)
        current = next((offset for offset in order if offset not in settled), None)
        done = sum(sizes[offset] for offset in settled if offset in sizes)
        if current is not None:
            done += int(sizes[current] * output.percent / 100)
        progress(TransferProgress("write", min(done, total), total))

    return report


def _no_progress(progress: TransferProgress) -> None:
    """Take a report that nobody asked for."""


def _go_on_quietly(rate: int, slower: int, reason: str) -> None:
    """Go on at a slower rate, and tell nobody."""


def _ignore(output: EsptoolOutput) -> None:
    """Take output whose progress nobody watches."""

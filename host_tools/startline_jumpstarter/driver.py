"""The exporter's side: a reader at a serial port, or a virtual one with a power switch and a world.

Both are Jumpstarter's own ESP32 flasher (`jumpstarter_driver_esp32.driver.Esp32Flasher`) with more
to them, so that whatever works with that works with these.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio import open_file, to_thread
from jumpstarter.driver import Driver, export
from jumpstarter_driver_esp32.driver import Esp32Flasher
from jumpstarter_driver_power.driver import PowerInterface, PowerReading
from jumpstarter_driver_pyserial.driver import PySerial

from startline_host.device.library_patches import negotiate_only_changes, patch_rfc2217
from startline_host.device.temp_dirs import temp_dir
from startline_host.errors import BadInput, StartlineError, TimedOut
from startline_host.lab import LabReader, SwitchedChip
from startline_jumpstarter.settings_upload import unpack_settings
from startline_jumpstarter.wire_values import as_sent

#: What a board that draws this much is powered with, in volts; nobody measures a current here.
_VOLTS = 5.0

#: What Jumpstarter has a status for; the rest it calls unknown.
_THEIRS: dict[type[StartlineError], type[Exception]] = {
    BadInput: ValueError,
    TimedOut: TimeoutError,
}


@functools.cache
def _shorten_waits() -> None:
    """Let pyserial wait less for a port on this computer: esptool's 20 s to write 4 KiB become 2.

    Jumpstarter's flasher runs esptool in the exporter's own process.
    """
    patch_rfc2217()
    negotiate_only_changes()


@contextlib.contextmanager
def _in_their_words() -> Iterator[None]:
    """Raise what Jumpstarter has a status for, with our sentence and what to do next."""
    try:
        yield
    except StartlineError as error:
        words = f"{error.message} {error.hint}".strip()
        kind = _THEIRS.get(type(error), RuntimeError)
        raise kind(f"{words} (exit code {error.exit_code})") from None


@dataclass(kw_only=True)
class StartlineReader(Esp32Flasher):
    """A reader on a board; as the flasher it needs a child `serial` (PySerial) for its port.

    `board` is its profile, `settings` the settings file on this computer, `unit` the fields of its
    identity (`serial`, `model` ...): what a call does not give is taken from these.
    `accept_firmware` are digests (SHA-256) of firmware that no board file has.
    """

    board: str = "ESP32_GENERIC"
    settings: str | None = None
    unit: dict[str, str] = field(default_factory=dict)
    accept_firmware: list[str] = field(default_factory=list)

    @classmethod
    def client(cls) -> str:
        """Return the path of the client's class."""
        return "startline_jumpstarter.client.StartlineReaderClient"

    @property
    def reader(self) -> LabReader:
        """The reader at the port, which nobody else has open: a console on it is closed."""
        self._serial.close()
        settings = Path(self.settings) if self.settings else None
        return LabReader(self._serial.url, self.board, settings=settings, listen=self._note)

    @export
    def up(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take the reader to bound and verified; see the client's `up` for what may be given."""
        return self._up(given, None)

    @export
    async def flash(self, source: Any, target: str | None = None) -> dict[str, Any] | None:
        """Load a firmware image as `up` does; at a `target` address write the file as it is.

        The second refuses a reader that is bound or may be.
        """
        with temp_dir() as folder:
            image = folder / "image.bin"
            async with await open_file(image, "wb") as file, self.resource(source) as chunks:
                async for chunk in chunks:
                    await file.write(chunk)
            if target is None:
                told: dict[str, Any] = await to_thread.run_sync(self._up, {}, image)
                return told
            await to_thread.run_sync(self._write, target, image.read_bytes())
            return None

    @export
    def erase(self) -> None:
        """Erase the whole flash, unless the reader is bound or may be."""
        self.refuse_bound()
        super().erase()

    @export
    def refuse_bound(self) -> None:
        """Raise where the reader is bound or may be."""
        with _in_their_words():
            self.reader.refuse_bound()

    @export
    def identity(self, interrupt: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Return state, serial number, deviceid, MAC and versions, as `startline status` does."""
        with _in_their_words():
            return self.reader.identity(interrupt=interrupt)

    @export
    def wait(self, state: str, timeout: float, fresh: bool) -> dict[str, str]:  # noqa: FBT001
        """Wait until the reader reports a state, after a restart if `fresh`."""
        with _in_their_words():
            return self.reader.wait(state, timeout=timeout, fresh=fresh)

    def _up(self, given: dict[str, Any], firmware: Path | None) -> dict[str, Any]:
        upload = given.pop("settings", None)
        unit = {**self.unit, **given.pop("unit", {})}
        with _in_their_words(), temp_dir() as folder:
            if upload is not None:
                given |= {
                    "settings": unpack_settings(upload, folder),
                    "secrets": upload["secrets"],
                }
            return self.reader.up(
                unit, firmware=firmware, accept_firmware=self.accept_firmware, **given
            )

    def _write(self, target: str, data: bytes) -> None:
        try:
            offset = int(target, 0)
        except ValueError:
            raise ValueError(f"{target!r} is no address in flash, such as 0x1000.") from None
        with _in_their_words():
            self.reader.write(offset, data)

    def _note(self, notice: object) -> None:
        text = getattr(notice, "text", None)
        if text:
            self.logger.info("%s", text)


@dataclass(kw_only=True)
class ChipPower(PowerInterface, Driver):
    """The power switch of a virtual reader, for Jumpstarter's own power client."""

    reader: VirtualReader = field(repr=False)

    @export
    def on(self) -> None:
        """Switch it on."""
        self.reader.power_on(None)

    @export
    def off(self) -> None:
        """Cut its power, whatever it is doing."""
        self.reader.power_off()

    @export
    async def read(self) -> AsyncGenerator[PowerReading, None]:
        """Tell whether it has power: 5 V or none, and never a current."""
        yield PowerReading(voltage=_VOLTS if self.reader.has_power() else 0.0, current=0.0)


@dataclass(kw_only=True)
class VirtualReader(StartlineReader):
    """A virtual reader: `flash` is the file that is its chip, `world` what is around it.

    It is switched on from the start unless `powered` is false. Its children are `serial` (the
    console) and `power`; `mac` and `port` are as `startline virtual` has them.
    """

    board: str = "VIRTUAL_ESP32"
    flash_file: str
    world_at_start: dict[str, Any] | None = None
    mac: str = ""
    port: int = 0
    powered: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _shorten_waits()
        chosen: dict[str, Any] = {"mac": self.mac} if self.mac else {}
        with _in_their_words():
            self._chip = SwitchedChip(
                Path(self.flash_file), world=self.world_at_start, port=self.port, **chosen
            )
        # esptool needs the port's modem lines; a console is read from a file descriptor.
        self._modem = PySerial(url="", check_present=False)
        self._console = PySerial(url="", check_present=False)
        self.children |= {"serial": self._console, "power": ChipPower(reader=self)}
        if self.powered:
            self.power_on(None)

    @classmethod
    def client(cls) -> str:
        """Return the path of the client's class."""
        return "startline_jumpstarter.client.VirtualReaderClient"

    @property
    def _serial(self) -> PySerial:
        with _in_their_words():
            self._modem.url = self._chip.url
        return self._modem

    @export
    def power_on(self, cut_after: int | None) -> None:
        """Switch it on; its power goes in the flash operation after `cut_after` others, if given."""
        with _in_their_words():
            self._chip.on(cut_after=as_sent(cut_after))
            self._console.url = self._chip.pty

    @export
    def power_off(self) -> None:
        """Cut its power, whatever it is doing."""
        with _in_their_words():
            self._chip.off()

    @export
    def has_power(self) -> bool:
        """Tell whether it has power."""
        return self._chip.has_power()

    @export
    def world(self) -> dict[str, Any]:
        """Return what is around it."""
        return self._chip.world()

    @export
    def set_world(self, world: dict[str, Any]) -> None:
        """Change what is around it."""
        with _in_their_words():
            self._chip.set_world(as_sent(world))

    def close(self) -> None:
        """Switch it off."""
        super().close()
        self._chip.off()

"""A virtual ESP32 as a lab has it: with a power switch, and a world that is changed at will."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from startline_host.errors import BadInput, NoSuchPort
from startline_host.virtual import VirtualEsp32
from startline_host.virtual.chip_options import DEFAULT_MAC
from startline_host.virtual.world_file import check_world, write_world


class SwitchedChip:
    """A virtual chip that is off until `on`; flash and world outlast its power.

    `flash` is made blank if there is none. The world stands beside it in a file of its own, and
    is the `world` given, or what it was before. `port` is the TCP port of its serial line, 0 for a
    free one at each power-on. It may be used from several threads.
    """

    def __init__(
        self,
        flash: Path,
        *,
        world: Mapping[str, Any] | None = None,
        mac: str = DEFAULT_MAC,
        port: int = 0,
    ) -> None:
        self._flash = flash
        self._mac = mac
        self._port = port
        self._chip: VirtualEsp32 | None = None
        self._lock = threading.RLock()
        self._world = flash.with_suffix(".world.json")
        if world is not None or not self._world.exists():
            self.set_world(world or {})

    @property
    def url(self) -> str:
        """The pyserial URL of its port with modem lines. Raises NoSuchPort without power."""
        return self._running().url

    @property
    def pty(self) -> str:
        """The path of its pseudo-terminal. Raises NoSuchPort without power."""
        return self._running().pty_path or ""

    def has_power(self) -> bool:
        """Tell whether it runs; after the flash operations that `on` was given it does not."""
        with self._lock:
            return self._chip is not None and self._chip.has_power()

    def on(self, *, cut_after: int | None = None) -> None:
        """Switch it on, unless it is.

        With `cut_after` its power goes in the middle of the flash operation after so many others.
        Raises BadInput for a number that no cut can have.
        """
        if cut_after is not None and (type(cut_after) is not int or cut_after < 0):
            raise BadInput(f"cut_after is {cut_after!r}; it is a number of operations from 0.")
        with self._lock:
            if self.has_power():
                return
            self.off()
            self._chip = VirtualEsp32(
                self._flash,
                world=self._world,
                mac=self._mac,
                port=self._port,
                pty=True,
                cut_after=cut_after,
            )

    def off(self) -> None:
        """Cut its power: SIGKILL, whatever it is doing."""
        with self._lock:
            chip, self._chip = self._chip, None
            if chip is not None:
                chip.kill()

    def world(self) -> dict[str, Any]:
        """Return what is around it."""
        found: dict[str, Any] = json.loads(self._world.read_bytes())
        return found

    def set_world(self, world: Mapping[str, Any]) -> None:
        """Change what is around it, at once. Raises BadInput for what is no world."""
        beside = self._world.with_suffix(".checked")
        write_world(beside, world)
        try:
            check_world(beside)
            beside.replace(self._world)
        finally:
            beside.unlink(missing_ok=True)

    def _running(self) -> VirtualEsp32:
        with self._lock:
            if self._chip is None or not self._chip.has_power():
                raise NoSuchPort("The virtual reader has no power.", "Switch it on first.")
            return self._chip

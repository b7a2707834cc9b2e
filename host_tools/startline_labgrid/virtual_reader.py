"""A virtual reader as labgrid has it: a serial port with a chip behind it, and its power switch."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attr
from labgrid.driver import Driver
from labgrid.driver.powerdriver import PowerResetMixin
from labgrid.factory import target_factory
from labgrid.protocol import PowerProtocol
from labgrid.resource import NetworkSerialPort
from labgrid.step import step

from startline_host.lab import SwitchedChip
from startline_host.virtual.chip_options import DEFAULT_MAC

_LOOPBACK = "127.0.0.1"
_TEXT = attr.validators.instance_of(str)


def _free_port() -> int:
    with socket.create_server((_LOOPBACK, 0)) as one:
        return int(one.getsockname()[1])


@target_factory.reg_resource
@attr.s(eq=False)
class VirtualReaderPort(NetworkSerialPort):
    """The serial port of a virtual reader, for every driver that takes a `NetworkSerialPort`.

    Args:
        flash (str): file that is the flash chip; made blank if there is none
        world (dict): what is around it at the start, as in a world file; else what it was before
        mac (str): the chip's MAC address
        port (int): TCP port of the RFC 2217 server; a free one by default
    """

    host = attr.ib(default=_LOOPBACK, validator=_TEXT)
    port = attr.ib(factory=_free_port, validator=attr.validators.instance_of(int))
    flash = attr.ib(kw_only=True, validator=_TEXT)
    world = attr.ib(
        default=None, kw_only=True, validator=attr.validators.optional(attr.validators.instance_of(dict))
    )  # fmt: skip
    mac = attr.ib(default=DEFAULT_MAC, kw_only=True, validator=_TEXT)


@target_factory.reg_driver
@attr.s(eq=False)
class VirtualReaderDriver(Driver, PowerResetMixin, PowerProtocol):
    """Power and world of a virtual reader; it is on while this is active, unless it is switched off.

    Activate it before whatever opens the port.
    """

    bindings = {"chip": "VirtualReaderPort"}  # noqa: RUF012 - labgrid's own way

    def on_activate(self) -> None:
        """Switch the reader on."""
        chip = self.chip
        self._switched = SwitchedChip(
            Path(chip.flash), world=chip.world, mac=chip.mac, port=chip.port
        )
        self._switched.on()

    def on_deactivate(self) -> None:
        """Switch the reader off."""
        self._switched.off()

    @Driver.check_active
    @step(args=["cut_after"])
    def on(self, cut_after: int | None = None) -> None:
        """Switch it on; its power goes in the flash operation after `cut_after` others, if given."""
        self._switched.on(cut_after=cut_after)

    @Driver.check_active
    @step()
    def off(self) -> None:
        """Cut its power, whatever it is doing."""
        self._switched.off()

    @Driver.check_active
    @step()
    def cycle(self) -> None:
        """Cut its power and switch it on again."""
        self._switched.off()
        self._switched.on()

    @Driver.check_active
    def get(self) -> bool:
        """Tell whether it has power."""
        return self._switched.has_power()

    @Driver.check_active
    def get_world(self) -> dict[str, Any]:
        """Return what is around it."""
        return self._switched.world()

    @Driver.check_active
    @step()
    def set_world(self, world: Mapping[str, Any]) -> None:
        """Change what is around it, at once. Raises BadInput for what is no world."""
        self._switched.set_world(world)

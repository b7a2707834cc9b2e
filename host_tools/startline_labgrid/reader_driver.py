"""The verbs of a reader as a labgrid driver, on a board's serial port or a virtual reader's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attr
from labgrid.binding import BindingState
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.protocol import ConsoleProtocol
from labgrid.resource import SerialPort
from labgrid.step import step
from labgrid.util.proxy import proxymanager

from startline_host.lab import LabReader

_SCHEMES = {"rfc2217": "rfc2217", "raw": "socket"}


@target_factory.reg_driver
@attr.s(eq=False)
class ReaderDriver(Driver):
    """Loads a reader as `startline up` does, asks what it is, and waits for a state.

    A console driver that is active on the same port is deactivated for as long as a call takes.

    Args:
        board (str): the board's profile
        settings (str): settings file for `up`; a path relative to the environment file
        unit (dict): fields of the identity that a call does not give, such as `model`
    """

    bindings = {"port": {"SerialPort", "NetworkSerialPort"}}  # noqa: RUF012 - labgrid's own way

    board = attr.ib(default="ESP32_GENERIC", validator=attr.validators.instance_of(str))
    settings = attr.ib(default="", validator=attr.validators.instance_of(str))
    unit = attr.ib(factory=dict, validator=attr.validators.instance_of(dict))

    @Driver.check_active
    @step(args=["serial"])
    def up(self, serial: str = "", model: str = "", **more: Any) -> dict[str, Any]:
        """Take the reader to bound and verified, and return what `startline up --json` prints.

        `more` is as `startline_host.lab.LabReader.up` takes it. Raises StartlineError.
        """
        given = {name: text for name, text in (("serial", serial), ("model", model)) if text}
        with self._alone() as reader:
            return reader.up({**self.unit, **given}, **more)

    @Driver.check_active
    @step()
    def identity(self, *, interrupt: bool = True) -> dict[str, Any]:
        """Return state, serial number, deviceid, MAC and versions; it is restarted for that.

        It is only listened to if not `interrupt`. Raises StartlineError.
        """
        with self._alone() as reader:
            return reader.identity(interrupt=interrupt)

    @Driver.check_active
    @step(args=["state"])
    def wait(
        self, state: str = "bound", *, timeout: float = 60.0, fresh: bool = True
    ) -> dict[str, str]:
        """Restart the reader, unless not `fresh`, and wait until it reports that state.

        Raises TimedOut with what it last reported.
        """
        with self._alone() as reader:
            return reader.wait(state, timeout=timeout, fresh=fresh)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[LabReader]:
        stopped = [
            client
            for client in self.port.clients
            if isinstance(client, ConsoleProtocol) and client.state is BindingState.active
        ]
        names = [one for client in stopped for one in self.target.deactivate(client)]
        try:
            yield LabReader(self._url(), self.board, settings=self._settings_file())
        finally:
            for one in reversed(names):
                self.target.activate(one)

    def _url(self) -> str:
        if isinstance(self.port, SerialPort):
            return str(self.port.port)
        host, port = proxymanager.get_host_and_port(self.port)
        return f"{_SCHEMES[self.port.protocol]}://{host}:{port}"

    def _settings_file(self) -> Path | None:
        if not self.settings:
            return None
        env = self.target.env
        return Path(env.config.resolve_path(self.settings) if env else self.settings)

"""The test's side: what a reader's drivers offer, as methods and as commands of `j`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from jumpstarter_driver_composite.client import CompositeClient
from jumpstarter_driver_esp32.client import Esp32FlasherClient

from startline_host.errors import StartlineError
from startline_jumpstarter.settings_upload import pack_settings
from startline_jumpstarter.wire_values import as_sent


@dataclass(kw_only=True)
class StartlineReaderClient(Esp32FlasherClient):
    """A reader: flashed as `startline up` does it, and told, waited for and watched by its states."""

    def up(
        self,
        serial: str = "",
        model: str = "",
        *,
        settings: Path | str | None = None,
        allow_bound: bool = False,
        timeout: float | None = None,
        read_key: str = "",
        environ: Mapping[str, str] = os.environ,
        **unit: str,
    ) -> dict[str, Any]:
        """Take the reader to bound and verified, and return what `startline up --json` prints.

        What is not given is the exporter's: its settings file and its `unit`. A `settings` file is
        one on this computer, sent with the files and the variables (`environ`) that it names. With
        a `read_key` the cloud's list is compared; `unit` are more fields of the identity.
        """
        given: dict[str, Any] = {
            "unit": {k: v for k, v in {"serial": serial, "model": model, **unit}.items() if v},
            "allow_bound": allow_bound,
            "timeout": timeout,
            "read_key": read_key,
        }
        if settings is not None:
            given["settings"] = pack_settings(Path(settings), environ)
        told: dict[str, Any] = as_sent(self.call("up", given))
        return told

    def identity(self, *, interrupt: bool = True) -> dict[str, Any]:
        """Return state, serial number, deviceid, MAC and versions.

        The reader is stopped, asked and restarted; it is only listened to if not `interrupt`.
        """
        told: dict[str, Any] = as_sent(self.call("identity", interrupt))
        return told

    def wait(
        self, state: str = "bound", *, timeout: float = 60.0, fresh: bool = True
    ) -> dict[str, str]:
        """Restart the reader, unless not `fresh`, and wait until it reports that state."""
        told: dict[str, str] = self.call("wait", state, timeout, fresh)
        return told

    def flash(self, path: Any, *, target: str | None = None, **more: Any) -> Any:
        """Load a firmware image as `up` does; at a `target` address write a file as it is.

        The second refuses a reader that is bound or may be.
        """
        try:
            return as_sent(super().flash(path, target=target, **more))
        except ExceptionGroup as group:
            # What the driver says of it comes out of the stream's task group.
            raise (group.exceptions[0] if len(group.exceptions) == 1 else group) from None

    def cli(self) -> click.Group:
        """Return the flasher's commands and: up, identity, wait."""
        base: click.Group = super().cli()

        @base.command()
        @click.option("--serial", default="", help="Serial number; else the exporter's")
        @click.option("--model", default="", help="Model; else the exporter's")
        @click.option("--settings", type=click.Path(exists=True, dir_okay=False, path_type=Path))
        @click.option("--allow-bound", is_flag=True, help="Load a bound one too; it stays bound")
        def up(serial: str, model: str, settings: Path | None, *, allow_bound: bool) -> None:
            """Load the reader and take it to bound and verified."""
            try:
                _print(self.up(serial, model, settings=settings, allow_bound=allow_bound))
            except StartlineError as error:
                raise click.ClickException(f"{error.message} {error.hint}") from None

        @base.command()
        @click.option("--interrupt/--listen", default=True, help="Ask it, which restarts it")
        def identity(*, interrupt: bool) -> None:
            """Show what the reader is."""
            _print(self.identity(interrupt=interrupt))

        @base.command()
        @click.option("--for", "state", default="bound", show_default=True)
        @click.option("--timeout", default=60.0, show_default=True)
        @click.option("--fresh/--running", default=True, help="Restart it first")
        def wait(state: str, timeout: float, *, fresh: bool) -> None:
            """Wait until the reader reports a state."""
            _print(self.wait(state, timeout=timeout, fresh=fresh))

        return base


@dataclass(kw_only=True)
class VirtualReaderClient(CompositeClient, StartlineReaderClient):
    """A virtual reader: its `serial` and `power` are Jumpstarter's own clients."""

    def power_on(self, *, cut_after: int | None = None) -> None:
        """Switch it on; its power goes in the flash operation after `cut_after` others, if given."""
        self.call("power_on", cut_after)

    def has_power(self) -> bool:
        """Tell whether it has power."""
        return bool(self.call("has_power"))

    def world(self) -> dict[str, Any]:
        """Return what is around it."""
        told: dict[str, Any] = as_sent(self.call("world"))
        return told

    def set_world(self, world: Mapping[str, Any]) -> None:
        """Change what is around it, at once; its keys are those of a world file."""
        self.call("set_world", dict(world))

    def cli(self) -> click.Group:
        """Return the reader's commands, those of its serial line and its power, and world."""
        base = StartlineReaderClient.cli(self)
        for name, child in self.children.items():
            base.add_command(child.cli(), name)

        @base.command()
        @click.argument("file", required=False, type=click.File("r"))
        def world(file: Any) -> None:
            """Show what is around it, or change it to what FILE says."""
            if file is not None:
                self.set_world(json.load(file))
            _print(self.world())

        return base


def _print(told: Mapping[str, Any]) -> None:
    click.echo(json.dumps(told, indent=2, ensure_ascii=False))

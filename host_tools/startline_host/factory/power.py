"""Switches a slot's USB power with a command of the user's own, such as uhubctl."""

from __future__ import annotations

import shlex
import string
import subprocess

from startline_host.errors import BadInput, StorageFailed
from startline_host.secrets import child_environment

_LIMIT = 30.0


class PowerSwitch:
    """A command that takes a slot's power away and gives it back.

    `template` may name {slot}, {port}, and of a slot on USB {usb} ("1-1.4"), {hub} ("1-1") and
    {hub_port} ("4"): "uhubctl -l {hub} -p {hub_port} -a cycle". It is run without a shell.
    Raises BadInput for a template that cannot be used.
    """

    def __init__(self, template: str) -> None:
        try:
            fields = {
                name for _, name, _, _ in string.Formatter().parse(template) if name is not None
            }
            self._words = shlex.split(template)
        except ValueError as error:
            raise BadInput(f"The power command cannot be read: {error}.") from None
        unknown = fields - {"slot", "port", "usb", "hub", "hub_port"}
        if unknown or not self._words:
            raise BadInput(
                f"The power command names {', '.join(sorted(unknown)) or 'nothing'}.",
                "It may name {slot}, {port}, {usb}, {hub} and {hub_port}.",
            )

    def cycle(self, slot: str, port: str, usb: str) -> None:
        """Switch the slot's power off and on. Raises StorageFailed where the command fails."""
        hub, _, hub_port = usb.rpartition(".") if "." in usb else usb.rpartition("-")
        values = {"slot": slot, "port": port, "usb": usb, "hub": hub, "hub_port": hub_port}
        command = [word.format(**values) for word in self._words]
        try:
            ended = subprocess.run(
                command,
                env=child_environment(foreign=True),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise StorageFailed(f"The power command did not end in {_LIMIT:.0f} s.") from None
        except OSError as error:
            raise StorageFailed(f"The power command cannot be run: {error.strerror}.") from None
        if ended.returncode:
            raise StorageFailed(f"The power command ended with {ended.returncode}.")

"""`startline set`: settings of a device that is at its venue already."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import msgspec
from startline.nvs import NvsReader

from host_tools.bench.first_boot import Outcome
from host_tools.bench.kept import as_part
from host_tools.bench.notices import Listener, Remark, Step
from host_tools.bench.operator.stopped import stopped
from host_tools.device.line import Line
from host_tools.device.partition_access import read_partition
from host_tools.device.wire import DeviceRaised
from host_tools.errors import BadInput, StorageFailed
from host_tools.images.factory import Net, Options, check_net, check_options
from host_tools.secrets import Secret

#: A setting by ("net" or "set", key). An empty Secret is an open Wi-Fi's password.
Changes = Mapping[tuple[str, str], str | int | Secret]


class Changed(msgspec.Struct, frozen=True):
    """The names of what was written, and how the device came up with it."""

    names: tuple[str, ...]
    outcome: Outcome

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "written": list(self.names),
            "state": self.outcome.state,
            "reason": self.outcome.reason,
            "serial": self.outcome.serial,
        }


def check_changes(changes: Changes) -> None:
    """Raise BadInput for settings that no device could use, or none at all."""
    if not changes:
        raise BadInput("There is nothing to set.", "Name a setting: startline set --help.")
    net = {key: value for (space, key), value in changes.items() if space == "net"}
    password = net.get("password")
    if isinstance(password, Secret) and not _is_plain(password.reveal()):
        raise BadInput("The Wi-Fi password is no text without control characters.")
    check_net(
        Net(
            link="usb" if net.get("link") == "usb" else "wifi",
            ssid=str(net.get("ssid", "?")),
            password=password if isinstance(password, Secret) and password else None,
            ntp=tuple(str(net["ntp"]).split(",")) if "ntp" in net else (),
        )
    )
    options = {key: value for (space, key), value in changes.items() if space == "set"}
    check_options(msgspec.convert(options, Options, strict=False))


def change(line: Line, changes: Changes, *, listen: Listener) -> Changed:
    """Write settings, read them back, restart the device and follow it until it rests.

    They stand before the factory's from then on. Raises BadInput for what `check_changes` does,
    StorageFailed where they do not read back.
    """
    check_changes(changes)
    names = tuple(f"{space}.{key}" for space, key in changes)
    with stopped(line, listen) as device:
        listen(Step(f"Writing {', '.join(names)}"))
        for (space, key), value in changes.items():
            text = value.reveal() if isinstance(value, Secret) else value
            try:
                device.order(f"change({space!r}, {key!r}, {text!r})")
            except DeviceRaised:
                raise StorageFailed(f"The device did not take {space}.{key}.") from None
        part = as_part(read_partition(device.repl, "nvs"))
        reader = NvsReader(part.read, part.size)
        for (space, key), value in changes.items():
            if reader.get(space, key) != _stored(value):
                raise StorageFailed(
                    f"{space}.{key} does not read back as it was written.",
                    "Run the command again; if it stays, the flash is worn.",
                )
        listen(Remark("The settings are stored; they stand before the factory's."))
        outcome = device.run_on()
    return Changed(names, outcome)


def _is_plain(text: str) -> bool:
    # The agent takes no text with controls; halves of surrogate pairs stand for bytes of no text.
    return all(unicodedata.category(letter) not in {"Cc", "Cs"} for letter in text)


def _stored(value: str | int | Secret) -> bytes | int:
    if isinstance(value, int):
        return value
    return (value.reveal() if isinstance(value, Secret) else value).encode()

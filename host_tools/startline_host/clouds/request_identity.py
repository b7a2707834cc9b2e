"""As much of the agent's `Identity` as a cloud's module on the device makes its requests of."""

from __future__ import annotations

from startline_host.formats.factory_partition import ClaimSettings
from startline_host.secrets import Secret


class RequestIdentity:
    """A device of this claim, by its serial number, the bytes of its MAC, and its model."""

    def __init__(
        self, claim: ClaimSettings, *, serial: str, mac: bytes = b"", model: str = ""
    ) -> None:
        self.serial = serial
        self.mac = mac
        self.model = model
        self.values: dict[str, int | str] = {}
        for name, value in claim.own_fields():
            text = value.reveal() if isinstance(value, Secret) else value
            self.values[f"claim.{name}"] = int(text) if isinstance(text, bool) else text

    def text(self, name: str) -> str:
        """Return a text, "" for none."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else ""

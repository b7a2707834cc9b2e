"""What a cloud is asked with: as much of a device that says it is bound as the question needs."""

from __future__ import annotations

from typing import Protocol


class BoundDevice(Protocol):
    """A device that says that it is bound, whoever found that out; `mac` is "24:6f:28:…"."""

    @property
    def serial(self) -> str:
        """The serial number that it says it has."""

    @property
    def token(self) -> str:
        """The token that it holds."""

    @property
    def mac(self) -> str:
        """Its chip's MAC address, "" where it did not say."""

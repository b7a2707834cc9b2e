"""A virtual ESP32: behaves on a serial URL like a devkit, so that real tools can work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from startline_host.virtual.launch import VirtualEsp32

__all__ = ["VirtualEsp32"]


def __getattr__(name: str) -> object:
    # The chip's own process imports this package too, and does without the launcher.
    if name == "VirtualEsp32":
        from startline_host.virtual.launch import VirtualEsp32

        return VirtualEsp32
    raise AttributeError(name)

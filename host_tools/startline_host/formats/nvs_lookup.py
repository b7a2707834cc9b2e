"""One value of an NVS partition by its name: a device reads all of them, and never asks for one."""

from __future__ import annotations

from startline.nvs.reader import NvsReader


class NvsLookup(NvsReader):
    """Reads a partition of `size` bytes through `read(offset, length) -> bytes`."""

    def get(self, namespace: str, key: str) -> str | bytes | int | None:
        """Return the latest value under that name; None where there is none or it is damaged."""
        found = None
        for one, name, place in self:
            if (one, name) == (namespace, key):
                found = place
        return self.value(found) if found else None

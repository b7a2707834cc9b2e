"""What any chip of a hostile proof has: as little as can stand in for one, so that the heap is the agent's."""

import os
import sys


class SmallChip:
    """A chip with a console, one access point that is always there, and `nvs` with one namespace."""

    def full(self):
        import startline.chip  # noqa: F401 - what a real one would cost

        return self

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def mac(self) -> bytes:
        return b"\x24\x6f\x28\0\0\1"

    def powered_on(self) -> bool:
        return True

    def random(self, count: int) -> bytes:
        return os.urandom(count)

    def set_unix(self, seconds: int) -> None:
        pass

    def wlan(self):
        return self

    def isconnected(self) -> bool:
        return True

    def disconnect(self) -> None:
        pass

    def nvs(self, namespace: str):
        return self

"""Puts the stand-ins in place once for all lifetimes of this process."""

import sys


class Out:
    """Console of the current life: its text is kept, and nothing goes to the terminal."""

    def __init__(self) -> None:
        self.text: list = []

    def write(self, text: str) -> int:
        self.text.append(text)
        return len(text)

    def holds(self, text: str) -> bool:
        """Tell whether a text was written, in one piece as the agent writes its lines."""
        return any([text in piece for piece in self.text])


class App:
    """The reader's own program, `app`: keeps the device that it is started with."""

    device = None

    def main(self, device) -> None:
        self.device = device


class StandIns:
    """The modules that the agent imports, and what moves behind them.

    `time`, `net`, `app` and `out` are the same for all lifetimes; `rng` is set anew for each.
    `make_net(time)` makes the network.
    """

    def __init__(self, make_net) -> None:
        from . import fake_tls
        from .fake_select import FakeSelect
        from .rng import Rng
        from .virtual_time import VirtualTime

        self.time = VirtualTime()
        self.net = make_net(self.time)
        self.out = Out()
        self.rng = Rng(0)
        self.app = sys.modules["app"] = App()
        self.tls = fake_tls
        fake_tls.ahead = self.net.ahead
        # The chip's stand-ins import the host's modules under these names, and wrap them.
        sys.modules["time"] = self.time
        sys.modules["socket"] = self.net
        sys.modules["select"] = FakeSelect(self.time)
        from runtime import install
        from runtime.modules import os, socket

        install.install(None, self.out, sys.print_exception)
        os.urandom = self._random
        import requests

        self._requests = requests
        self._socket = socket

    def _random(self, count: int) -> bytes:
        return self.rng.bytes(count)

    def set(self) -> None:
        """Put back what a life that was cut may have left replaced."""
        sys.modules["tls"] = self.tls
        self._requests.socket = self._socket

"""Random faults for a virtual line: cables that come loose, power that goes, clouds that fail."""

from __future__ import annotations

import contextlib
import random
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from startline_host.errors import StartlineError
from startline_host.mock_cloud.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.mock_cloud import MockCloud

#: What the cloud may do to one request, whosever it is.
_CLOUD = (
    "status:503x1@POST",
    "status:500x1@POST",
    "retry_after:1x1@POST",
    "dropx1@POST",
    "commit_then_dropx1",
    "commit_then_status:504x1",
    "broken_jsonx1@POST",
    "redirect:307x1@POST",
    "status:503x1@GET",
)
#: Seconds after a board was plugged in within which its fault comes, and how long a cable is off.
_WITHIN, _LOOSE = (0.5, 12.0), 1.5
_PULLED = "reset"


class FaultInjector:
    """Befalls about `share` (0 to 1) of all boards, each with one fault; repeatable by `seed`.

    What happened is counted in `done` by kind: "cable", "cloud" or "power".
    """

    def __init__(self, share: float, cloud: MockCloud, seed: int | None = None) -> None:
        self._share = share
        self._cloud = cloud
        self._dice = random.Random(seed)  # noqa: S311 - it is no secret
        self._lock = threading.Lock()
        self.done = {"cable": 0, "cloud": 0, "power": 0}

    def inject(self, url: str, power_cycle: Callable[[], object]) -> InjectedFault | None:
        """Decide about a board that was just plugged in; None: nothing happens to it."""
        with self._lock:
            if self._dice.random() >= self._share:
                return None
            kind = self._dice.choice(sorted(self.done))
            moment = self._dice.uniform(*_WITHIN)
            order = self._dice.choice(_CLOUD)
            self.done[kind] += 1
        if kind == "cloud":
            self._cloud.faults.turn_on(order)
            return None
        return BoardPowerCut(moment, power_cycle) if kind == "power" else LooseCable(moment, url)


class InjectedFault:
    """Something that happens to a slot's board at some moment, unless it is closed before."""

    def __init__(self, moment: float) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._wait, args=(moment,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the board is reached because of it, "" where that is as it was."""
        return ""

    def close(self) -> None:
        """Let it be over, or never come."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def happen(self) -> None:
        """Do it."""

    def _wait(self, moment: float) -> None:
        if not self._over.wait(moment):
            self.happen()


class BoardPowerCut(InjectedFault):
    """The board's power goes, and comes back."""

    def __init__(self, moment: float, power_cycle: Callable[[], object]) -> None:
        self._power_cycle = power_cycle
        super().__init__(moment)

    def happen(self) -> None:
        """Cut the power."""
        # The chip may be in the middle of starting, or of being unplugged.
        with contextlib.suppress(StartlineError):
            self._power_cycle()


class LooseCable(InjectedFault):
    """The serial connection breaks, and for a while there is none: all of it goes by a proxy."""

    def __init__(self, moment: float, url: str) -> None:
        self._proxy = FaultProxy(urlsplit(url).port or 0, host="127.0.0.1")
        self._proxy.start()
        super().__init__(moment)

    @property
    def url(self) -> str:
        """Where the proxy is."""
        return f"rfc2217://127.0.0.1:{self._proxy.port}"

    def close(self) -> None:
        """Take the proxy away."""
        super().close()
        self._proxy.stop()

    def happen(self) -> None:
        """Pull the cable, and plug it in again."""
        self._proxy.turn_on(_PULLED)
        self._proxy.cut_all()
        self._over.wait(_LOOSE)
        self._proxy.clear()

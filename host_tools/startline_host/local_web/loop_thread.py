"""An event loop in a thread of its own, started and stopped from outside."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_Result = TypeVar("_Result")

_log = logging.getLogger(__name__)

#: Seconds that work on the loop, and the loop's end, are waited for.
_SECONDS = 10.0


class LoopThread:
    """Runs `main(ready, stopping)` on a loop of its own.

    `main` calls `ready` when others may begin, waits for the event `stopping`, and cleans up.
    """

    def __init__(
        self,
        name: str,
        main: Callable[[Callable[[], None], asyncio.Event], Coroutine[object, object, None]],
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop,
    ) -> None:
        self._main = main
        self._loop_factory = loop_factory
        self._ready = threading.Event()
        self._problem: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start, and return when `main` is ready; raise what it raised if it is not."""
        self._thread.start()
        self._ready.wait()
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """End `main`, and wait for it; nothing happens if it was not started or has ended."""
        if self._thread.is_alive() and self._stopping is not None:
            self.soon(self._stopping.set)
            self._thread.join(_SECONDS)

    def call(self, work: Coroutine[object, object, _Result]) -> _Result | None:
        """Run a coroutine on the loop and return its result; None if the loop does not run."""
        if self._loop is None or not self._thread.is_alive():
            work.close()
            return None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    def soon(self, work: Callable[[], object]) -> None:
        """Have a function called on the loop, and do not wait for it."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._loop_factory) as runner:
                runner.run(self._on_loop())
        except BaseException as error:  # noqa: BLE001 - handed to whoever called start()
            self._problem = error
        finally:
            self._ready.set()

    async def _on_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_one_line)
        self._stopping = asyncio.Event()
        await self._main(self._ready.set, self._stopping)


def _one_line(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Tell of trouble in the loop (no file descriptors left, for one) without a traceback."""
    _log.warning("%s: %s", context.get("message"), context.get("exception"))

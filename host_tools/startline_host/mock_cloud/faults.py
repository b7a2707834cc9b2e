"""The faults that are switched on, and how one is played on one request."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from startline_host.mock_cloud.answer_mutations import MutationContext
from startline_host.mock_cloud.exchange import CapturedAnswer
from startline_host.mock_cloud.fault_spec import ActiveFaults, FaultSpec, parse
from startline_host.mock_cloud.fault_table import (
    BIND,
    LIST,
    PASSED,
    PASSINGS,
    ROWS,
    SESSIONS,
    CommitPolicy,
    ExchangeEnd,
    FaultKind,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from startline_host.mock_cloud.mock_options import FurtherApi

#: How the paths end that bind a device, in either cloud, and those that list devices.
_BINDING = ("/devices", "/devices/activate")
_LISTING = ("/devices",)
#: What their answers call a token.
_TOKENS = ("deviceid", "id")


@dataclass(frozen=True)
class SelectedFault:
    """A fault chosen for one request."""

    row: FaultKind
    spec: FaultSpec
    scene: MutationContext


class FaultPlayer:
    """Which faults are on; a request meets the first that is meant for it.

    A fault that is ordered `xN` goes off after N requests, and the next in line has its turn.
    All methods may be called from any thread. `on_change` is called after each change, and
    `seed` makes the random faults repeatable. `further` are clouds besides RUFUS and VMS.
    """

    def __init__(
        self, orders: Iterable[str] = (), *, seed: int = 0, further: Sequence[FurtherApi] = ()
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.trap_url = ""
        self._seed = seed
        self._binding = (*_BINDING, *(api.bind_path for api in further))
        self._listing = (*_LISTING, *(api.list_path for api in further if api.list_path))
        self._tokens = {api.bind_path: (api.token,) for api in further}
        self._played = 0
        self._book = ActiveFaults()
        for text in orders:
            self.turn_on(text)

    @property
    def active(self) -> list[FaultSpec]:
        """The faults that are on, in their order."""
        return self._book.listed()

    def turn_on(self, text: str) -> FaultSpec:
        """Switch a fault on, in place of the same one; raise `BadInput` for a wrong order."""
        spec = parse(text, ROWS)
        spec = spec.settled(ROWS[spec.name].value)
        self._book.put(spec)
        self.on_change()
        return spec

    def turn_off(self, name: str) -> None:
        """Switch a fault off; nothing happens if it is not on."""
        self._book.drop(name)
        self.on_change()

    def clear(self) -> None:
        """Switch all faults off."""
        self._book.clear()
        self.on_change()

    def take(self, method: str, path: str) -> SelectedFault | None:
        """Choose the fault for a request, and count it; None if there is none."""
        spec = next((one for one in self.active if self._meant(one, method, path)), None)
        if spec is None:
            return None
        if self._book.count([spec]):
            self.on_change()
        self._played += 1
        dice = random.Random(f"{self._seed} {spec.name} {self._played}")  # noqa: S311
        tokens = self._tokens.get(path, _TOKENS)
        return SelectedFault(
            ROWS[spec.name], spec, MutationContext(spec.value or 0, dice, self.trap_url, tokens)
        )

    def _meant(self, spec: FaultSpec, method: str, path: str) -> bool:
        """Tell whether a fault is for such a request: as ordered, or else as its row says."""
        if spec.method or spec.path:
            return spec.method in {"", method} and path.startswith(spec.path)
        meant = {
            BIND: method == "POST" and path.endswith(self._binding),
            LIST: method == "GET" and path.endswith(self._listing),
            PASSINGS: method == "POST" and path.endswith("/passings"),
            PASSED: method == "GET" and "/passings/session/" in path,
            SESSIONS: method == "GET" and "/sessions/device/" in path,
        }
        return meant.get(ROWS[spec.name].where, True)


@dataclass
class LateCommits:
    """Requests that the cloud carries out only some time after it has dropped them.

    `on_commit` is called after each. Everything here runs on the server's loop.
    """

    on_commit: Callable[[], None] = lambda: None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, seconds: float, commit: Callable[[], Awaitable[object]]) -> None:
        """Carry a request out after so many seconds."""
        task = asyncio.get_running_loop().create_task(self._commit(seconds, commit))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def hurry(self) -> None:
        """Carry everything out now, and return when it is done."""
        self._hurry.set()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._hurry.clear()

    async def _commit(self, seconds: float, commit: Callable[[], Awaitable[object]]) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)
        await commit()
        self.on_commit()


async def play(
    played: SelectedFault,
    ask: Callable[[], Awaitable[CapturedAnswer]],
    gone: Callable[[], Awaitable[None]],
    late: LateCommits,
) -> CapturedAnswer | None:
    """Play a fault on a request: return what is to be answered, or None to close the connection.

    `ask` has the cloud carry the request out; `gone` returns when the client has gone away.
    """
    row, seconds = played.row, played.scene.value
    reply = CapturedAnswer()
    if row.commit is CommitPolicy.YES:
        reply = await ask()
    elif row.commit is CommitPolicy.LATE:
        late.add(seconds, ask)
    if row.end is ExchangeEnd.DROP:
        return None
    if row.end in {ExchangeEnd.STALL, ExchangeEnd.DELAY}:
        with suppress(TimeoutError):
            await asyncio.wait_for(gone(), seconds)
    if row.end is ExchangeEnd.STALL:
        return None
    row.spoil(reply, played.scene)
    return reply

"""What came out of a case, as plain facts that a scenario's expectation can be held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from startline_host.bench.scenarios.race_facts import RaceFacts
from startline_host.bench.scenarios.reader import PowerCycle, Reader
from startline_host.clouds.cloud_registry import find_cloud
from startline_host.clouds.device_entries import agent_module
from startline_host.mock_cloud import LoggedRequest, MockCloud

_TRACEBACK = "Traceback (most recent call last)"


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reader's last word, and what the cloud and strangers saw since the case began.

    `blind` counts attempts that the reader made while an earlier one had no outcome, `torn`
    events that were lost. `tokens` and `aliases` are those that the cloud has. `copies` of the
    record and whether the claim key is in flash are None where nobody looked.
    """

    state: str = ""
    reason: str = ""
    token: str = ""
    step: str = ""
    why: str = ""
    app: bool = False
    attempts: int = 0
    blind: int = 0
    waits: int | None = None
    warnings: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    posts: int = 0
    lists: int = 0
    records: int = 0
    tokens: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    connections: int = 0
    strangers: int = 0
    tracebacks: int = 0
    torn: int = 0
    exit: int | None = None
    copies: int | None = None
    key_kept: bool | None = None
    race: RaceFacts | None = None

    @property
    def outcome(self) -> str:
        """What it came to, in a few words: how many passings are at the cloud, or the state."""
        return self.race.outcome if self.race else self.state

    def short(self) -> dict[str, object]:
        """Return what a report shows of it."""
        hidden = {"lines", "token", "tokens", "aliases", "race"}
        told = {k: v for k, v in msgspec.to_builtins(self).items() if k not in hidden}
        return {**told, "race": self.race.short()} if self.race else told


def gather_facts(
    reader: Reader,
    readers: Sequence[Reader],
    cloud: MockCloud,
    *,
    kind: str,
    strangers: int,
    exit_code: int | None,
    unbound: Sequence[str] = (),
) -> CaseFacts:
    """Collect what is known now: of `reader` itself, and of all `readers` what they asked.

    `unbound` are tokens of devices that the cloud had.
    """
    outcome = reader.outcome
    log = list(cloud.requests)
    cycle = reader.cycle
    played = find_cloud(kind).played
    devices = played.devices(cloud)
    token = agent_module(kind).TOKEN.decode()
    lines = [line for one in reader.lives for line in one.lines]
    waits = [event.fields.get("next_ms") for event in cycle.events if event.name == "wait"]
    return CaseFacts(
        state=outcome.state if outcome else "",
        reason=outcome.reason if outcome else "",
        token=outcome.token if outcome else "",
        step=outcome.failed_step if outcome else "",
        why=outcome.failed_reason if outcome else "",
        app=cycle.app,
        attempts=sum(cycle.count("attempt") for one in readers for cycle in one.lives),
        blind=sum(_blind(one.lives) for one in readers),
        waits=waits[-1] if waits and isinstance(waits[-1], int) else None,
        warnings=outcome.warnings if outcome else (),
        lines=tuple(lines),
        posts=count_posts(log, played.bind_path),
        lists=sum(entry.method == "GET" for entry in log),
        records=len(devices),
        tokens=(*(str(device[token]) for device in devices), *unbound),
        aliases=tuple(str(device.get("alias", device.get("name"))) for device in devices),
        connections=cloud.connections,
        strangers=strangers,
        tracebacks=sum(_TRACEBACK in line for line in lines),
        torn=sum(lost_events(one) for one in reader.lives),
        exit=exit_code,
    )


def count_posts(log: Iterable[LoggedRequest], bind_path: str) -> int:
    """Return how many requests to bind are in a log, answered or not."""
    return sum(entry.method == "POST" and entry.path == bind_path for entry in log)


def _blind(lives: Iterable[PowerCycle]) -> int:
    """Count attempts for which the last recorded state was `unknown` before their own record.

    An attempt's own record stands right before it, so the one before that is the one to judge.
    """
    states: list[str] = []
    blind = 0
    for cycle in lives:
        for event in cycle.events:
            if event.name == "record":
                states.append(str(event.fields.get("state")))
            elif event.name == "attempt":
                blind += states[-2:-1] == ["unknown"]
    return blind


def lost_events(cycle: PowerCycle) -> int:
    """Count events that were lost: numbers that do not follow each other while a boot is heard."""
    gaps = 0
    expected = 0
    for at, event in enumerate(cycle.events):
        if event.name == "boot" or at in cycle.resumed:
            expected = event.number
        gaps += event.number != expected
        expected = event.number + 1
    return gaps

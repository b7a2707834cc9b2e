"""A pytest plugin that notes which calls the agent's tests make of the agent, and what comes of them.

Only calls that another VM can repeat are noted: of functions of a module, with arguments that are
texts, bytes, numbers and the like, and an outcome of that kind, or an object of them. Of a function
at most so many calls, each once. A call that raises is noted as one that gives None. Hypothesis
draws fewer examples than for the tests themselves.

`--record-calls FILE` writes one JSON document: a list of [module, function, arguments, outcome].
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

_MOST = 400
_AGENT = "startline"


class NotPlainError(Exception):
    """A value that another VM cannot be given."""


def plain(value: Any) -> Any:
    """Return a value for JSON: bytes are {"b": hex}, tuples {"t": [...]}.

    A text beyond ASCII is {"s": its UTF-8 in hex}: not every VM's JSON puts surrogates together.
    An object of the agent's is {"o": [module, class, its members]}, where its class needs no more.
    A dict can be an outcome, {"d": its members in order}, but no argument: another VM goes through
    it in another order.
    """
    if isinstance(value, str) and not value.isascii():
        return {"s": value.encode("utf-8", "surrogatepass").hex()}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return {"b": bytes(value).hex()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, tuple):
        return {"t": [plain(one) for one in value]}
    kind = type(value)
    if _is_agents(kind.__module__) and "__init__" not in kind.__dict__:
        members = sorted([name, plain(one)] for name, one in value.__dict__.items())
        return {"o": [kind.__module__, kind.__name__, members]}
    raise NotPlainError


def _is_agents(module: object) -> bool:
    return isinstance(module, str) and f"{module}.".startswith(f"{_AGENT}.")


class Recorder:
    """Watches calls; `calls` has them by what was called with what."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Any]] = {}
        self._counts: dict[CodeType, int] = {}
        self._open: dict[int, tuple[str, str, list[Any]]] = {}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Take an event, as `sys.setprofile` gives it."""
        code = frame.f_code
        if event == "call" and _is_agents(frame.f_globals.get("__name__")):
            self._begin(frame, code)
        elif event == "return" and id(frame) in self._open:
            self._end(self._open.pop(id(frame)), argument, code)

    def _begin(self, frame: FrameType, code: CodeType) -> None:
        module = frame.f_globals["__name__"]
        function = frame.f_globals.get(code.co_name)
        is_plain = getattr(function, "__code__", None) is code and not code.co_flags & 0x2C
        if is_plain and self._counts.get(code, 0) < _MOST:
            names = code.co_varnames[: code.co_argcount]
            try:
                arguments = [plain(frame.f_locals[name]) for name in names]
            except NotPlainError:
                return
            self._open[id(frame)] = (module, code.co_name, arguments)

    def _end(self, called: tuple[str, str, list[Any]], outcome: Any, code: CodeType) -> None:
        try:
            if isinstance(outcome, dict):
                outcome = {"d": sorted([name, plain(one)] for name, one in outcome.items())}
            else:
                outcome = plain(outcome)
        except NotPlainError:
            return
        key = json.dumps(called)
        if key not in self.calls:
            self._counts[code] = self._counts.get(code, 0) + 1
            self.calls[key] = [*called, outcome]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where the calls go."""
    parser.addoption("--record-calls", type=Path, metavar="FILE")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Watch each test's own run."""
    recorder = item.config.stash.setdefault(_KEY, Recorder())
    sys.setprofile(recorder)
    try:
        return (yield)
    finally:
        sys.setprofile(None)


def pytest_configure() -> None:
    """Have hypothesis draw few examples."""
    settings.register_profile(
        "recorder", max_examples=25, derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    settings.load_profile("recorder")


_KEY = pytest.StashKey[Recorder]()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the calls down."""
    path = config.getoption("--record-calls")
    if path and _KEY in config.stash:
        path.write_text(json.dumps(list(config.stash[_KEY].calls.values())), encoding="ascii")

"""First boots against answers that no client should trust, one blank unit each."""

import gc

from . import spoilt
from .chance import Chance
from .cloud import Cloud
from .history import History

_STATES = ("unbound", "unknown", "bound", "refused")
_LIMIT_US = 96_000_000
"""What a first boot may take: its 90 s, and what one last call may add."""


class HostileCloud(Cloud):
    """Answers what a seed says: to the request that binds, or, `in_list`, to the first look.

    Every other look is refused, so that the device holds.
    """

    said = None
    in_list = looked = False

    def _act(self, exchange) -> None:
        exchange.kind = self.api.kind(exchange.request)
        connection = exchange.connection
        if exchange.kind == "bind" and self.in_list:
            connection.answer = b""
        elif exchange.kind == "bind" or (self.in_list and not self.looked):
            self.looked = exchange.kind == "look"
            connection.answer, connection.end, connection.drip_us = self.said
        else:
            self._answer(exchange, (403, None))


class Hostile:
    """Runs the answers; what is not as it must be stands in `bad`, by what it is."""

    def __init__(self, bench, spec: dict) -> None:
        self._bench = bench
        self._spec = spec

    def run(self, first: int, count: int) -> dict:
        """Run the answers of seeds `first` to `first + count - 1`."""
        sums = {"answers": count, "states": {}, "bad": {}, "examples": [], "longest_ms": 0}
        for seed in range(first, first + count):
            gc.collect()  # on a chip each boot begins with a heap of its own
            self._run_one(seed, sums)
        return sums

    def _run_one(self, seed: int, sums: dict) -> None:
        history = History(
            self._bench.stage,
            self._bench.apis[self._spec["cloud"]],
            self._spec,
            self._bench.images[self._spec["unit"]],
            self._bench.memory,
        )
        cloud = HostileCloud(history.cloud.api, self._spec, history.stage.time, history.stage.net)
        cloud.in_list = seed % 3 == 0
        cloud.said = spoilt.answer(Chance(seed), cloud.in_list)
        history.cloud = cloud
        history.judge.cloud = cloud
        history.start([])
        history.live()
        took = history.stage.time.now_us
        sums["longest_ms"] = max(sums["longest_ms"], took // 1000)
        state = history.device.state if history.device else "none"
        sums["states"][state] = sums["states"].get(state, 0) + 1
        for what in _wrong(history, cloud, state, took):
            sums["bad"][what] = sums["bad"].get(what, 0) + 1
            if len(sums["examples"]) < 5:
                sums["examples"].append([seed, what, history.device and history.device.reason])


def _wrong(history, cloud, state: str, took: int) -> list:
    """Return what is wrong with one boot."""
    wrong = [sentence for _, sentence in history.judge.bad]
    if state not in _STATES:
        wrong.append("no classified outcome")
        return wrong
    device = history.device
    if device.reason.startswith("bug"):
        wrong.append(device.reason)
    if took > _LIMIT_US:
        wrong.append("past the deadline")
    for text in history.stage.out.text:
        if "Traceback" in text or _has_controls(text):
            wrong.append("a traceback or control characters on the console")
        if history.spec["key"] in text:
            wrong.append("the key on the console")
    binds = len(history.judge.binds())
    if binds > 1 and not (isinstance(cloud.said[0], bytes) and b"429" in cloud.said[0]):
        wrong.append("asked twice")
    if state == "bound" and not _stands_in(device.token, cloud.said[0]):
        wrong.append("bound to a token that was never sent")
    if history.stage.net.open_before_end:
        wrong.append("a socket was left open")
    return wrong


def _has_controls(text: str) -> bool:
    return any(char < " " and char not in "\x1e\n" for char in text)


def _stands_in(token: str, data) -> bool:
    """Tell whether a token's digits are in an answer in their order: chunks may lie between."""
    at = 0
    for char in token.upper().encode():
        at = data.upper().find(bytes((char,)), at) + 1 if isinstance(data, bytes) else 0
        if not at:
            return False
    return True

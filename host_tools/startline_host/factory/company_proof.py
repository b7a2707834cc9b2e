"""Whether a line's READ key is the company's: until that is proven, one board binds at a time.

Another company's key lists none of this one's devices, so every serial number looks free, and every
unit ends as unknown to the cloud. One unit that the list shows proves it for the whole line; one
that it does not show stops the line before a second one is bound.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from startline_host.errors import CloudDisagrees
from startline_host.flows.cloud_verification import check_cloud_before, lists_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from startline_host.factory.job import LinePlan
    from startline_host.factory.ledger import Ledger
    from startline_host.flows.notices import Listener


#: Seconds that a board waits for the one before it: a station without a network is not to stand still.
_ALONE = 30.0


class CompanyProof:
    """What is known of the READ key of one run, shared by its slots; `wanted` if one is used."""

    def __init__(self, *, wanted: bool, proven: bool = False) -> None:
        self._wanted = wanted
        self._proven = proven
        self._refuted = ""
        self._lock = threading.Lock()

    @property
    def refuted(self) -> bool:
        """Whether the key was seen to be another company's: nothing more is to be bound."""
        return bool(self._refuted)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Bind and verify a board within, alone while nothing is proven. Raises CloudDisagrees.

        One that takes its time is not waited for any longer.
        """
        if not self._wanted or self._proven:
            yield
            return
        alone = self._lock.acquire(timeout=_ALONE)
        try:
            self._check()
            if self._proven and alone:
                self._lock.release()
                alone = False
            yield
        finally:
            if alone:
                self._lock.release()

    def prove(self) -> None:
        """Take note that the list showed a unit that was bound here."""
        self._proven = True

    def doubt(self, plan: LinePlan, serial: str, token: str) -> None:
        """Take note of what the list shows of a unit that the cloud disagrees about.

        Raises NetworkFailed, TlsFailed or RefusedByCloud where it cannot be read.
        """
        if not self._wanted or self._proven or plan.read_key is None:
            return
        if lists_token(plan.settings, plan.read_key, token):
            self._proven = True
        else:
            self._refuted = serial

    def _check(self) -> None:
        if self._refuted:
            raise CloudDisagrees(
                f"The READ key's list does not show {self._refuted}, which was just bound: it may "
                "be another company's. No more boards are bound.",
                "Give the READ key of the claim key's company, then run the line "
                "again: it goes on.",
            )


def check_key(
    ledger: Ledger,
    plan: LinePlan,
    listen: Listener,
    *,
    station: str = "",
    claim_may_read: bool = True,
) -> CompanyProof:
    """Check the READ key of a run once, before its first board, by the units that were bound before.

    `station` narrows them to those of one, whose cloud is its own. Raises as `check_cloud_before`
    does.
    """
    wanted = plan.verify and plan.read_key is not None
    tokens = tuple(
        unit.token
        for unit in ledger.entries(plan.batch)
        if unit.token and station in {"", unit.station}
    )
    proven = check_cloud_before(
        plan.settings, "", plan.read_key, listen, tokens=tokens, claim_may_read=claim_may_read
    )
    return CompanyProof(wanted=wanted, proven=proven)

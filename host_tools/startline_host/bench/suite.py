"""`startline bench`: every scenario that was asked for, on virtual readers or on a board."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec
from startline import __version__

from startline_host.bench.run_report import BenchRun
from startline_host.bench.scenarios.base_flash import BaseFlash
from startline_host.bench.scenarios.board_rig import borrowed_board
from startline_host.bench.scenarios.catalog import Case
from startline_host.bench.scenarios.runner import Bench, CaseResult, run_cases
from startline_host.flows.mock_link import LOOPBACK, CloudLink, listens_on
from startline_host.flows.notices import Listener, ignore_notices

#: What a real chip gets on top of every limit, in seconds: it joins and handshakes for real.
_BOARD_SLACK, _USB_SLACK = 15, 10
_MOST_JOBS = 12


class BenchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run, on what: virtual readers, or the board at `port`.

    `cloud_host` is this computer's name or address as a board on the Wi-Fi knows it.
    """

    cases: Sequence[Case]
    base: BaseFlash
    link: CloudLink = CloudLink()
    port: str | None = None
    cloud_host: str = ""
    jobs: int = 1
    seed: int = 0


def usual_jobs() -> int:
    """Return how many virtual readers this computer runs at a time: they mostly wait."""
    return min(_MOST_JOBS, 4 * (os.cpu_count() or 1))


def run_bench(
    plan: BenchPlan,
    *,
    on_start: Callable[[Case], None] = lambda _case: None,
    on_end: Callable[[CaseResult], None] = lambda _result: None,
    listen: Listener = ignore_notices,
) -> BenchRun:
    """Run a plan to its end and return everything that came of it.

    Ctrl-C and SIGTERM end it early: what runs is stopped, and the run says that it was interrupted.
    Raises WouldTouchBound for a board that is bound, and whatever else keeps a board from being
    used at all; what goes wrong within a case is that case's result.
    """
    began, start = datetime.now(UTC), time.monotonic()
    found: dict[str, CaseResult] = {}
    interrupted = ""
    with _bench(plan, listen) as bench:
        jobs = 1 if plan.port else plan.jobs
        going = run_cases(bench, _longest_first(plan.cases), jobs=jobs, on_start=on_start)
        try:
            with contextlib.closing(going):
                for result in going:
                    found[result.case.name] = result
                    on_end(result)
        except KeyboardInterrupt:
            interrupted = "Ctrl-C"
        except SystemExit:
            interrupted = "SIGTERM"
    return BenchRun(
        results=[found.get(case.name) or _not_ended(case) for case in plan.cases],
        began=began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=time.monotonic() - start,
        seed=plan.seed,
        version=__version__,
        target=plan.port or "virtual",
        facts={
            "board": plan.base.board.full_name,
            "micropython": plan.base.bundle.firmware.version,
            "link": plan.link.kind,
            "readers at a time": str(jobs),
        },
        interrupted=interrupted,
    )


def _not_ended(case: Case) -> CaseResult:
    return CaseResult(case=case, verdict="skipped", why="The run was interrupted before its end.")


@contextlib.contextmanager
def _bench(plan: BenchPlan, listen: Listener) -> Iterator[Bench]:
    if plan.port is None:
        slack = _USB_SLACK if plan.link.over_usb else 0
        yield Bench(base=plan.base, link=plan.link, slack=slack)
        return
    host = plan.link.host_name(plan.cloud_host)
    with borrowed_board(plan.port, plan.base, listen) as board:
        yield Bench(
            base=plan.base,
            link=plan.link,
            host=listens_on(host),
            name="" if host == LOOPBACK else host,
            rig=board.rig,
            can=board.can,
            slack=_BOARD_SLACK,
        )


def _longest_first(cases: Sequence[Case]) -> list[Case]:
    """Begin with what takes long, so that it does not come last.

    That is what goes through boot loader and command line, and then what may take long by its limit.
    """
    return sorted(
        cases,
        key=lambda case: (
            -sum(act.do in {"load", "command"} for act in case.scenario.act),
            -case.scenario.seconds,
        ),
    )

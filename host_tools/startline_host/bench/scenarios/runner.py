"""Runs cases, several at a time, and gathers their results."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from startline_host.bench.scenarios.base_flash import BaseFlash
from startline_host.bench.scenarios.case_clouds import CaseClouds
from startline_host.bench.scenarios.case_runner import CaseRunner
from startline_host.bench.scenarios.catalog import Case
from startline_host.bench.scenarios.expectations import Mismatch
from startline_host.bench.scenarios.facts import CaseFacts
from startline_host.bench.scenarios.provisioning import Provisioner
from startline_host.bench.scenarios.reader import LinkMaker
from startline_host.bench.scenarios.rig import NEEDS, Rig, needs_of
from startline_host.bench.scenarios.transcript import Transcript, TranscriptEntry
from startline_host.bench.scenarios.virtual_rig import VirtualRig
from startline_host.errors import StartlineError
from startline_host.flows.mock_link import CloudLink
from startline_host.flows.usb_link import UsbLinkServer

#: Makes the rig of one case.
RigMaker = Callable[[Transcript, threading.Event, LinkMaker | None], Rig]

Verdict = Literal["passed", "failed", "error", "skipped"]


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one case ended. `why` says in one line what an error or a skip came from."""

    case: Case
    verdict: Verdict
    seconds: float = 0.0
    began: float = 0.0
    why: str = ""
    findings: tuple[Mismatch, ...] = ()
    facts: CaseFacts = CaseFacts()
    entries: tuple[TranscriptEntry, ...] = ()

    @property
    def reason(self) -> str:
        """What went wrong, in one line."""
        return self.why or "; ".join(finding.words() for finding in self.findings)


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """Where cases are run: what readers start with, their link, and how a case gets its rig.

    `rig` makes a case's rig; without it readers are virtual. The cloud listens on `host` and is
    known to readers as `name`. `slack` is what a slower reader gets on top of every limit.
    """

    base: BaseFlash
    link: CloudLink = CloudLink()
    host: str = "localhost"
    name: str = ""
    rig: RigMaker | None = None
    can: frozenset[str] = VirtualRig.can
    slack: int = 0

    def run(self, case: Case, stop: threading.Event | None = None) -> CaseResult:
        """Run one case. Raises BenchStopped if `stop` is set on the way."""
        if lacking := sorted(needs_of(case) - self.can):
            words = " and ".join(NEEDS[need] for need in lacking)
            return CaseResult(case=case, verdict="skipped", why=f"It needs {words}.")
        began = time.monotonic()
        transcript = Transcript()
        findings: list[Mismatch] = []
        facts, why = CaseFacts(), ""
        verdict: Verdict = "passed"
        try:
            with _folder() as folder, CaseClouds(case, self.host, self.name) as clouds:
                try:
                    findings, facts = self._perform(case, folder, clouds, transcript, stop)
                finally:
                    transcript.requests("cloud", clouds.cloud.requests)
                    transcript.requests("trap", clouds.strangers())
        except StartlineError as error:
            verdict, why = "error", f"{error.message} {error.hint}".strip()
            transcript.finding(why)
        if findings:
            verdict = "failed"
        return CaseResult(
            case=case,
            verdict=verdict,
            began=began,
            seconds=time.monotonic() - began,
            why=why,
            findings=tuple(findings),
            facts=facts,
            entries=tuple(transcript.entries()),
        )

    def _perform(
        self,
        case: Case,
        folder: Path,
        clouds: CaseClouds,
        transcript: Transcript,
        stop: threading.Event | None,
    ) -> tuple[list[Mismatch], CaseFacts]:
        signal = stop or threading.Event()
        provisioner = Provisioner(
            clouds.cloud,
            case.key,
            case.cloud,
            self.link,
            self.slack,
            self.base.board.led,
            clouds.time_server.server if clouds.time_server else "",
        )
        transcript.secrets += provisioner.secrets()
        link: LinkMaker | None = None
        if self.link.kind == "usb":
            link = partial(UsbLinkServer, base_url=provisioner.base_url)
        with self._rig(folder, transcript, signal, link) as rig:
            return CaseRunner(
                case, rig, clouds, provisioner, transcript, self.base, folder, self.slack
            ).perform()

    def _rig(
        self,
        folder: Path,
        transcript: Transcript,
        stop: threading.Event,
        link: LinkMaker | None,
    ) -> Rig:
        if self.rig is not None:
            return self.rig(transcript, stop, link)
        return VirtualRig(self.base, folder, transcript, stop=stop, link=link)


def run_cases(
    bench: Bench,
    cases: Iterable[Case],
    *,
    jobs: int = 1,
    on_start: Callable[[Case], None] = lambda _case: None,
) -> Generator[CaseResult, None, None]:
    """Run cases, `jobs` at a time, and yield each result as it comes.

    `on_start` is called from the threads of the cases. When the caller stops listening, what
    runs is ended and what waits is dropped.
    """
    stop = threading.Event()

    def one(case: Case) -> CaseResult:
        on_start(case)
        return bench.run(case, stop)

    with ThreadPoolExecutor(jobs, thread_name_prefix="bench") as pool:
        running: set[Future[CaseResult]] = {pool.submit(one, case) for case in cases}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            stop.set()
            for future in running:
                future.cancel()


@contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="startline-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)

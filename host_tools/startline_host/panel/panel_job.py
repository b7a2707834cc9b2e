"""One thing at a time is done with the reader: a verb in a thread of its own, and how it went."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from startline_host.device.bootloader import TransferProgress
from startline_host.device.console import ConsoleLine, Event
from startline_host.device.event_text import describe_event
from startline_host.device.port_session import PortSession
from startline_host.errors import BadInput, Bug, StartlineError
from startline_host.flows.notices import Notice, Remark, Step
from startline_host.panel.page_question import QuestionDesk
from startline_host.panel.panel_options import PanelOptions
from startline_host.panel.panel_orders import PanelOrder, read_verb_order
from startline_host.panel.panel_verbs import PANEL_VERBS, JobContext, PanelVerb
from startline_host.panel.reader_facts import now_text
from startline_host.panel.reader_view import ReaderView
from startline_host.panel.reader_watch import ReaderWatch
from startline_host.util import printable

_log = logging.getLogger(__name__)
_STEPS = 40


class NotAllowed(BadInput):
    """The page may not do that: it was started to look only, or nobody said that it may interrupt."""


class StillBusy(BadInput):
    """Another verb is under way."""


class PanelJob(msgspec.Struct, kw_only=True):
    """A verb that runs or has run; `state` is running, done or failed."""

    verb: str
    began: str
    interrupts: bool
    state: str = "running"
    ended: str = ""
    sentences: list[str] = []
    hint: str = ""
    exit_code: int = 0
    steps: deque[dict[str, str]] = msgspec.field(default_factory=lambda: deque(maxlen=_STEPS))
    transfer: dict[str, Any] | None = None


class JobRunner:
    """Starts verbs, one at a time, and keeps how the last one went."""

    def __init__(
        self,
        options: PanelOptions,
        watch: ReaderWatch,
        view: ReaderView,
        on_change: Callable[[], None],
    ) -> None:
        self.desk = QuestionDesk(on_change)
        self._options = options
        self._watch = watch
        self._view = view
        self._on_change = on_change
        self._lock = threading.Lock()
        self._job: PanelJob | None = None
        self._thread: threading.Thread | None = None

    def start(self, verb: str, sent: dict[str, Any]) -> None:
        """Start a verb with what the page sent for it.

        Raises NotAllowed for one that changes a reader where that was not allowed, or that stops it
        without being told to; StillBusy beside another; BadInput for an order that cannot be used.
        """
        what = PANEL_VERBS.get(verb)
        if what is None:
            raise BadInput(f"The page has no verb {printable(verb)!r}.")
        if what.changes and not self._options.control:
            raise NotAllowed(
                f"This page only looks: it may not {verb}.",
                "Start it with `startline panel --control`.",
            )
        order = read_verb_order(what.order, sent)
        if what.interrupts and not order.stops:
            raise NotAllowed(
                f"{verb} stops the reader's program, which may be timing.", "Say so: interrupt."
            )
        if verb != "doctor" and self._watch.released:
            raise BadInput("The page has given up the port.", "Take it back first.")
        with self._lock:
            if self.busy:
                raise StillBusy("Something else is still under way.", "Wait for its end.")
            self._job = PanelJob(verb=verb, began=now_text(), interrupts=what.interrupts)
            self._thread = threading.Thread(
                target=self._run, args=(self._job, what, order), name="panel-job", daemon=True
            )
            self._thread.start()
        self._on_change()

    @property
    def busy(self) -> bool:
        """Whether a verb runs."""
        return self._job is not None and self._job.state == "running"

    def stop(self) -> None:
        """Answer what is asked with no, and wait for the verb that runs to leave the reader."""
        self.desk.close()
        if self._thread is not None:
            self._thread.join()

    def as_dict(self) -> dict[str, Any] | None:
        """Return the verb that runs, or the last one, as the page takes it."""
        job = self._job
        if job is None:
            return None
        with self._lock:
            plain = {**msgspec.structs.asdict(job), "steps": list(job.steps)}
        return {**plain, "question": self.desk.as_dict()}

    def _run(self, job: PanelJob, verb: PanelVerb, order: PanelOrder) -> None:
        context = JobContext(
            options=self._options,
            view=self._view,
            desk=self.desk,
            listen=lambda notice: self._hear(job, notice),
            url=self._watch.url,
            borrowed=lambda: self._borrowed(order),
            without_port=self._watch.without_port,
        )
        try:
            said, failure = verb.run(context, order), None
        except StartlineError as error:
            said, failure = [], error
        except Exception as fault:  # noqa: BLE001 - a page has no other place to tell of it
            _log.exception("the panel's %s failed", job.verb)
            said, failure = (
                [],
                Bug(
                    f"This is a fault in startline ({type(fault).__name__}).",
                    f"Run `startline {job.verb}` with STARTLINE_TRACEBACK=1 and report what it prints.",
                ),
            )
        if failure is not None:
            job.sentences, job.hint = [self._view.shorten(failure.message)], failure.hint
            job.exit_code = failure.exit_code
        else:
            job.sentences = [self._view.shorten(one) for one in said]
        job.transfer = None
        job.ended = now_text()
        job.state = "failed" if failure is not None else "done"
        self._on_change()

    @contextlib.contextmanager
    def _borrowed(self, order: PanelOrder) -> Iterator[PortSession]:
        with self._watch.borrowed() as line:
            if order.stops:
                self._view.expect_restart()
            line.hard = order.hard
            try:
                yield line
            finally:
                line.hard = False

    def _hear(self, job: PanelJob, notice: Notice) -> None:
        if isinstance(notice, TransferProgress):
            job.transfer = {"verb": notice.verb, "done": notice.done, "total": notice.total}
        elif isinstance(notice, Event | ConsoleLine):
            self._view.hear(notice)
            if isinstance(notice, Event):
                self._add(job, "event", describe_event(notice))
            return
        elif isinstance(notice, Step):
            job.transfer = None
            self._add(job, "step", notice.text)
        elif isinstance(notice, Remark):
            self._add(job, "warning" if notice.warning else "remark", notice.text)
        self._on_change()

    def _add(self, job: PanelJob, kind: str, text: str) -> None:
        with self._lock:
            job.steps.append({"kind": kind, "text": self._view.shorten(printable(text))})

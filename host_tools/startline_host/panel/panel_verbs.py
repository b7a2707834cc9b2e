"""What the page can have done: the flows behind the verbs of the command line.

Nothing here allows what the command line would refuse, and every question is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any

import msgspec

from startline_host.device.port_session import PortSession
from startline_host.flows.doctor.checks import check_computer, check_ports, check_settings
from startline_host.flows.inspect_device import inspect_device
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.flows.observe import ask_for_status
from startline_host.flows.operator.adopt import adopt
from startline_host.flows.operator.change_settings import change
from startline_host.flows.operator.reconcile import reconcile
from startline_host.flows.operator.retry import retry
from startline_host.flows.operator.try_network import try_network
from startline_host.formats.wifi import ssid_warnings
from startline_host.panel.inspection_parts import inspection_parts
from startline_host.panel.page_question import QuestionDesk
from startline_host.panel.panel_options import PanelOptions
from startline_host.panel.panel_orders import PanelOrder, ReconcileOrder, RetryOrder, SetOrder
from startline_host.panel.reader_view import ReaderView
from startline_host.race.journal_source import from_port
from startline_host.race.race_summary import summarize_race, summarize_running
from startline_host.race.stored_race import read_race
from startline_host.util import counted, printable

_SESSION_COLUMNS = ("session", "alias", "state", "passings")


class JobContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb works with: the port for as long as it needs it, and whom it tells and asks."""

    options: PanelOptions
    view: ReaderView
    desk: QuestionDesk
    listen: Listener
    url: str
    borrowed: Callable[[], AbstractContextManager[PortSession]]
    without_port: Callable[[], AbstractContextManager[None]]


class PanelVerb(msgspec.Struct, frozen=True, kw_only=True):
    """A verb of the page: what it is told, and whether it stops the reader or changes it."""

    run: Callable[[JobContext, Any], list[str]]
    order: type[PanelOrder] = PanelOrder
    interrupts: bool = True
    changes: bool = False


def _status(job: JobContext, _order: PanelOrder) -> list[str]:
    job.listen(Step("Asking the reader"))
    with job.borrowed() as line:
        status = ask_for_status(line)
    job.view.learn_status(status)
    return [f"{_name(status.serial)} is {status.state}."]


def _inspect(job: JobContext, _order: PanelOrder) -> list[str]:
    with job.borrowed() as line:
        seen = inspect_device(line, listen=job.listen)
    parts = inspection_parts(seen)
    job.view.learn("inspection", parts)
    return [str(parts["title"])]


def _race_status(job: JobContext, order: PanelOrder) -> list[str]:
    if order.stops:
        with job.borrowed() as line:
            source = from_port(line, job.listen)
        told = summarize_race(source, read_race(source.part))
    else:
        job.listen(Step("Asking the reader beside its program"))
        with job.borrowed() as line:
            running, told = summarize_running(line)
        job.view.learn_running(running)
    told["sessions"] = [{key: row[key] for key in _SESSION_COLUMNS} for row in told["sessions"]]
    job.view.learn("journal", told)
    damaged = " The journal is damaged: some numbers are lost." if told["damage"] else ""
    waiting = f"{told['waiting']} of them not sent yet"
    return [f"{counted(told['stored'], 'passing')} stored, {waiting}.{damaged}"]


def _doctor(job: JobContext, _order: PanelOrder) -> list[str]:
    context = msgspec.structs.replace(job.options.doctor, port=job.url)
    job.listen(Step("Checking tools and firmware"))
    found = list(check_computer(context))
    job.listen(Step("Checking the port"))
    with job.without_port():
        found += check_ports(context)
    job.listen(Step("Checking settings and cloud"))
    found += check_settings(context)
    job.view.learn("doctor", {"findings": msgspec.to_builtins(found)})
    wrong = sum(one.verdict == "bad" for one in found)
    return [f"{counted(wrong, 'thing')} to fix." if wrong else "No problems found."]


def _set(job: JobContext, order: SetOrder) -> list[str]:
    changes = order.changes()
    for words in ssid_warnings(order.ssid or ""):
        job.listen(Remark(words, warning=True))
    if order.only_try:
        target = job.options.find_cloud() if order.link == "usb" else None
        with job.borrowed() as line:
            tried = try_network(line, changes, target.base_url if target else "", job.listen)
        return [tried.sentence(order.ssid), "Nothing was written."]
    factory = None if order.factory is None else tuple(order.factory)
    with job.borrowed() as line:
        done = change(line, changes, factory=factory, listen=job.listen)
    return done.sentences()


def _retry(job: JobContext, order: RetryOrder) -> list[str]:
    with job.borrowed() as line:
        outcome = retry(line, job.options.find_cloud, listen=job.listen, limit=order.timeout)
    if (failure := outcome.error()) is not None:
        raise failure
    return [f"{_name(outcome.serial)} is {outcome.state}."]


def _reconcile(job: JobContext, order: ReconcileOrder) -> list[str]:
    cloud, key, desk = job.options.find_cloud(), job.options.read_key, job.desk
    with job.borrowed() as line:
        if order.adopt:
            done = adopt(
                line, cloud, key, order.adopt, desk.confirm, ask_key=desk.ask_key,
                listen=job.listen,
            )  # fmt: skip
        else:
            done = reconcile(
                line, cloud, key, desk.confirm, known_serials=tuple(order.known_serials),
                ask_key=desk.ask_key, listen=job.listen,
            )  # fmt: skip
    return [f"{_name(done.serial)} is {done.state}."]


def _name(serial: str) -> str:
    return printable(serial) or "The reader"


#: Every verb of the page, by its name on the command line.
PANEL_VERBS: Mapping[str, PanelVerb] = MappingProxyType(
    {
        "doctor": PanelVerb(run=_doctor, interrupts=False),
        "status": PanelVerb(run=_status),
        "inspect": PanelVerb(run=_inspect),
        "race status": PanelVerb(run=_race_status, interrupts=False),  # only where it is told to
        "set": PanelVerb(run=_set, order=SetOrder, changes=True),
        "retry": PanelVerb(run=_retry, order=RetryOrder, changes=True),
        "reconcile": PanelVerb(run=_reconcile, order=ReconcileOrder, changes=True),
    }
)

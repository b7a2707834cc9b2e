"""Looks at a running device: by listening only, or, where that was asked for, at its prompt."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec
from startline.states import STATES as STATES  # noqa: PLC0414 - one of this module's names

from startline_host.device.console import ConsoleParser, Event
from startline_host.device.event_text import printable_field
from startline_host.device.partition_access import read_facts
from startline_host.device.port import Port
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.errors import DeviceSilent, TimedOut, WrongDevice
from startline_host.flows.doctor.line_noise import troubles_in
from startline_host.flows.expected_identity import BootIdentity, ExpectedIdentity
from startline_host.flows.next_steps import next_of_state, next_without_agent
from startline_host.flows.notices import Listener, ignore_notices
from startline_host.flows.prompt_survey import read_snapshot
from startline_host.flows.take_prompt import take_prompt
from startline_host.util import Deadline, counted

_PROMPT_SECONDS = 10.0
#: The last lines of a device that are searched for what a chip in trouble says.
_LINES = 200
#: Why a race sends nothing, where the reader is bound all the same.
_RACE_OF_BOUND = ("idle", "no_key")


class DeviceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What could be learned of a device; texts are "" where nothing told them.

    `heard` counts the lines and events that came by themselves, `asked` tells that the device
    was interrupted for it; `next_step` is a sentence for a person, "" where nothing is to be done.
    """

    state: str = ""
    reason: str = ""
    serial: str = ""
    token: str = ""
    mac: str = ""
    agent: str = ""
    micropython: str = ""
    heard: int = 0
    asked: bool = False
    next_step: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        told = msgspec.structs.asdict(self)
        del told["next_step"]
        return {"deviceid": told.pop("token"), **told}


def listen_for_status(
    port: Port, seconds: float, listen: Listener = ignore_notices, *, serial: str = ""
) -> DeviceStatus:
    """Learn what the device tells by itself within `seconds`; it is not disturbed in any way.

    Raises DeviceSilent where it said nothing that tells its state, what a chip in trouble says
    means where it is that, and WrongDevice where it contradicts itself, or is not the one of that
    `serial` number.
    """
    known: dict[str, str] = {}
    heard = 0
    lines: deque[bytes] = deque(maxlen=_LINES)
    words = BootIdentity(serial)
    for item in ConsoleParser().follow(port, Deadline(seconds)):
        listen(item)
        heard += 1
        if isinstance(item, Event):
            words.check(item)
            known |= told_by(item)
            if item.name == "ready":
                break
        else:
            lines.append(item.raw)
    if "state" not in known:
        trouble = next(troubles_in(b"\n".join(lines)), None)
        raise trouble or _state_unknown(seconds, heard)
    then = _next_step(known["state"], known.get("reason", ""))
    return msgspec.convert({**known, "heard": heard, "next_step": then}, DeviceStatus)


def _state_unknown(seconds: float, heard: int) -> DeviceSilent:
    """Return the error for a device that did not tell its state, and may be well all the same."""
    ask = "To ask it, which stops and restarts it: startline status --interrupt."
    if heard:
        return DeviceSilent(
            f"The device is running ({counted(heard, 'line')} in {seconds:g} s), and did not report "
            "its state: it does that when it starts.",
            ask,
        )
    return DeviceSilent(
        f"The device printed nothing in {seconds:g} s, so its state is not known.",
        "A bound reader whose program runs is as quiet as one without power: it reports its state "
        f"only when it starts. {ask}",
    )


def ask_for_status(line: PortSession, *, serial: str = "") -> DeviceStatus:
    """Interrupt the device, read its record at its prompt, and restart it.

    Raises DeviceSilent where it gives up no prompt, WrongDevice where it is no ESP32, or not the
    one of that `serial` number.
    """
    repl = take_prompt(line, _PROMPT_SECONDS)
    try:
        facts = read_facts(repl)
        snapshot = read_snapshot(repl, facts)
        agent = agent_version(repl)
    except (OSError, DeviceRaised):
        raise WrongDevice("MicroPython answers, but not on an ESP32.") from None
    finally:
        repl.restart()
    stored, record = snapshot.stored(), snapshot.summary()
    own = stored.get("factory", "serial")
    if serial:
        ExpectedIdentity(serial=serial).check(
            Event("ready", 0, 0, {"serial": own or record.serial})
        )
    why = record.reason if own else f"missing {stored.missing[0]}"
    state = record.state if own else "unprovisioned"
    if lost := snapshot.lost_identity:
        then = f"{lost.removesuffix('.')}."
    elif not agent:
        then = next_without_agent(record.state)
    else:
        then = _next_step(state, record.reason)
    return DeviceStatus(
        state=state,
        next_step=then,
        reason=printable_field(why) if why else "",
        serial=own or record.serial,
        token=record.token,
        mac=facts.mac,
        agent=agent,
        micropython=".".join(str(number) for number in facts.release),
        asked=True,
    )


def _next_step(state: str, reason: str) -> str:
    return "" if state == "bound" else next_of_state(state, reason)


def is_quiet(port: Port, seconds: float, listen: Listener = ignore_notices) -> bool:
    """Listen for `seconds`, and tell whether the device printed nothing at all."""
    for item in ConsoleParser().follow(port, Deadline(seconds)):
        listen(item)
        return False
    return True


def wait_for_state(
    port: Port,
    state: str,
    deadline: Deadline,
    listen: Listener = ignore_notices,
    *,
    serial: str = "",
) -> Event:
    """Listen until the device is ready in `state`, and return the event that says so.

    What its record passes through on the way (`unknown` while a request is out) does not count.
    Raises TimedOut with its last word on the matter, and WrongDevice where it contradicts itself,
    or is not the one of that `serial` number.
    """
    last = ""
    words = BootIdentity(serial)
    for item in ConsoleParser().follow(port, deadline):
        listen(item)
        if isinstance(item, Event):
            words.check(item)
        if isinstance(item, Event) and item.name == "ready":
            last = str(item.fields.get("state") or "")
            if last == state:
                return item
    word = f"It last reported {last}." if last else "It reported no state."
    raise TimedOut(
        f"The device did not become {state} in time. {word}",
        "A device reports its state only when it starts, and may have done so before. To stop it, "
        "ask and restart it: startline wait --interrupt.",
    )


def told_by(event: Event) -> dict[str, str]:
    """Return what an event says of a device, under the names of `DeviceStatus`."""
    fields = {name: str(event.fields.get(name) or "") for name in ("state", "reason", "token")}
    if event.name == "boot":
        return {"agent": str(event.fields.get("version", ""))}
    if event.name == "identity":
        return {name: str(event.fields.get(name, "")) for name in ("serial", "mac")}
    if shown := _state_shown(event):
        return {"state": shown}
    if event.name == "record":
        return {"state": fields["state"], "reason": fields["reason"]}
    if event.name == "ready":
        return {**fields, "serial": str(event.fields.get("serial") or "")}
    return {}


def _state_shown(event: Event) -> str:
    """Return the state that an event gives away without naming it, "" for none."""
    if event.name == "unprovisioned":
        return "unprovisioned"
    # A program that times says by these that it passed its own check of being bound.
    races = event.name == "race" and event.fields.get("reason") in _RACE_OF_BOUND
    return "bound" if races or event.name == "race_session" else ""


def agent_version(repl: Repl) -> str:
    """Return the version of the agent that a device at its prompt has, "" where there is none."""
    try:
        return str(repl.value("__import__('startline').__version__"))
    except (ImportError, DeviceRaised):
        return ""

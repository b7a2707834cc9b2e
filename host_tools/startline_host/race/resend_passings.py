"""`startline race resend`: what was set aside is sent once more, on an operator's word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
from startline_race.journal_format import OPEN

from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.errors import BadInput, RefusedByCloud
from startline_host.flows.notices import Listener, Step
from startline_host.flows.operator.cloud_target import CloudTarget, check_cloud_target
from startline_host.flows.operator.device_session import DeviceSession, device_session
from startline_host.flows.usb_link import linked
from startline_host.race.journal_source import from_device, from_running
from startline_host.race.running_reader import RequestRefused, RunningReader
from startline_host.race.selection import Wanted, parse_time, select
from startline_host.race.stored_race import JournalPassing, StoredRace, read_race
from startline_host.util import counted, printable

#: Seconds for one stretch: link, time, handshake, and the 60 s that the device itself gives it.
_SECONDS = 300.0  # it may have to wait before it looks a second time


class ResendRange(Wanted, frozen=True, kw_only=True):
    """What is to be sent again, and when an undated boot began."""

    boot_began: str = ""


class Stretch(msgspec.Struct, frozen=True):
    """Passings `first` to `last` that go out together; `undated` if their boot never had the time."""

    first: int
    last: int
    undated: bool


class Resent(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent again, and how many passings are set aside still."""

    serial: str
    stretches: list[Stretch]
    count: int
    aside: int


def resend(
    line: PortSession,
    asked: ResendRange,
    find_place: Callable[[], CloudTarget | None] = lambda: None,
    *,
    listen: Listener,
    serial: str = "",
) -> Resent:
    """Stop the device on a line, have it send a range of what it set aside, and let it run again.

    For a device whose link is this very cable, `find_place` says to which cloud it may be carried.
    Raises BadInput for a range of which nothing can be sent, RefusedByCloud where the cloud did
    not take it: that stays set aside.
    """
    with device_session(line, listen) as device:
        source = from_device(device, listen, serial)
        race = read_race(source.part)
        stretches, began_ms = plan_resend(race, asked)
        if device.over_usb:
            device.carry_to(check_cloud_target(find_place(), device.stored).base_url)
        count = 0
        for one in stretches:
            listen(Step(f"Sending the passings {one.first} to {one.last} again"))
            _send(device, one, began_ms if one.undated else 0, sent=count)
            count += one.last - one.first + 1
    return Resent(
        serial=source.serial, stretches=stretches, count=count, aside=race.count("aside") - count
    )


def resend_beside(
    line: PortSession,
    asked: ResendRange,
    find_place: Callable[[], CloudTarget | None] = lambda: None,
    *,
    listen: Listener,
    serial: str = "",
) -> Resent:
    """Have the device on a line send a range of what it set aside, while its program goes on.

    Raises as `resend` does; DeviceSilent where the program does not answer.
    """
    source = from_running(line, listen, serial, asked)
    race = read_race(source.part, source.unread)
    stretches, began_ms = plan_resend(race, asked)
    base_url = ""
    if RunningReader(line.port()).state().usb and source.stored is not None:
        base_url = check_cloud_target(find_place(), source.stored).base_url
    count = 0
    with linked(line.port(), base_url) as port:
        reader = RunningReader(port)
        for one in stretches:
            listen(Step(f"Sending the passings {one.first} to {one.last} again"))
            try:
                reason = reader.resend(one.first, one.last, began_ms if one.undated else 0)
            except RequestRefused as refused:
                raise BadInput(f"The device refused: {refused}.{_so_far(count)}") from None
            if reason:
                raise _not_taken(one, reason, count)
            count += one.last - one.first + 1
        aside = reader.state().state.aside
    return Resent(serial=source.serial, stretches=stretches, count=count, aside=aside)


def plan_resend(race: StoredRace, asked: ResendRange) -> tuple[list[Stretch], int]:
    """Return the stretches that are sent for a range, and when their boot began (Unix ms, or 0).

    Raises BadInput where there is nothing to send, or where it cannot be sent so.
    """
    began = parse_time(asked.boot_began, asked.zone) if asked.boot_began else None
    chosen = select(race, asked)
    aside = [one for one in chosen if one.state == "aside"]
    if not aside:
        raise BadInput(_nothing_aside(chosen), "Only what the reader has set aside can be resent.")
    _check_session(race, aside)
    undated = {one.boot for one in aside if one.utc_ms is None}
    if undated and began is None:
        raise BadInput(
            "The passings "
            + _numbers(one for one in aside if one.utc_ms is None)
            + " are from a boot that never knew the time.",
            "If you know when it began, give it: --boot-began 2026-11-21T09:58:00",
        )
    if len(undated) > 1:
        raise BadInput(
            f"The range has passings of {len(undated)} boots that never knew the time.",
            "Each began at a different time: send them one at a time, with --from and --to.",
        )
    return _stretches(aside), _unix_ms(began) if began else 0


def _stretches(aside: Iterable[JournalPassing]) -> list[Stretch]:
    """Join neighbours that can go out by one command: of one boot, dated alike."""
    found: list[Stretch] = []
    boot = -1
    for one in aside:
        undated = one.utc_ms is None
        last = found[-1] if found else None
        if last and (last.last + 1, last.undated, boot) == (one.number, undated, one.boot):
            found[-1] = Stretch(last.first, one.number, undated)
        else:
            found.append(Stretch(one.number, one.number, undated))
        boot = one.boot
    return found


def _check_session(race: StoredRace, aside: list[JournalPassing]) -> None:
    for one in aside:
        session = race.session_of(one.session, one.number)
        if session is None or session.state != OPEN:
            raise BadInput(
                f"Passing {one.number} belongs to a session that is not open at the cloud"
                + (f": {printable(one.alias)}." if one.alias else "."),
                "A closed session takes no more passings: `startline race export` has them.",
            )


def _send(device: DeviceSession, one: Stretch, began_ms: int, *, sent: int) -> None:
    try:
        device.run_command(
            f"resend({one.first}, {one.last}, {began_ms})", _SECONDS, module="race_commands"
        )
    except DeviceRaised as raised:
        kind, _, reason = str(raised).partition(": ")
        if kind == "ValueError":
            raise BadInput(f"The device refused: {reason}.{_so_far(sent)}") from None
        raise _not_taken(one, reason, sent) from None


def _not_taken(one: Stretch, reason: str, sent: int) -> RefusedByCloud:
    return RefusedByCloud(
        f"The passings {one.first} to {one.last} were not taken: {reason}.{_so_far(sent)}",
        "They stay set aside. Look at the cloud before they are sent once more: an answer that "
        "was lost may have been a good one.",
    )


def _so_far(sent: int) -> str:
    return f" {counted(sent, 'passing')} before them were sent." if sent else ""


def _nothing_aside(chosen: list[JournalPassing]) -> str:
    states = [one.state for one in chosen]
    there = states.count("sent") + states.count("released")
    return (
        f"None of {counted(len(chosen), 'passing')} is set aside: {there} are done with, "
        f"{len(chosen) - there} go out by themselves."
    )


def _numbers(passings: Iterable[JournalPassing]) -> str:
    stretches = _stretches(passings)
    return ", ".join(
        f"{one.first}" if one.first == one.last else f"{one.first} to {one.last}"
        for one in stretches
    )


def _unix_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)

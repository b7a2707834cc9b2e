"""`startline race`: what a reader's journal of passings holds."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from startline_host.cli import options, output, race_view, results
from startline_host.cli.written_files import WRITTEN
from startline_host.clouds.cloud_registry import kind_of
from startline_host.device.port_session import PortSession
from startline_host.errors import BadInput, CloudDisagrees, StorageFailed
from startline_host.flows.operator.cloud_target import check_cloud_target
from startline_host.race.audit import audit
from startline_host.race.erase_journal import erase_journal
from startline_host.race.export_formats import FORMATS, check_export, export_text, write_export
from startline_host.race.journal_source import (
    JournalSource,
    from_dump,
    from_port,
    from_running,
)
from startline_host.race.race_summary import summarize_race, summarize_running
from startline_host.race.resend_passings import ResendRange, resend, resend_beside
from startline_host.race.selection import (
    EVERYTHING,
    Wanted,
    clocks_change,
    load_zone,
    select,
)
from startline_host.race.stored_race import Damage, StoredRace, read_race
from startline_host.util import counted

_source_options = [
    options.port_option,
    click.option("--dump", "dump_file", type=options.FILE,
                 help="In place of a device: a file with its whole chip, or with the partition "
                 "`race` alone."),
    click.option("--interrupt", is_flag=True,
                 help="Stop the reader's program to read the journal, where it does not answer "
                 "beside it; the reader restarts after."),
    options.hard_option,
    options.expected_serial_option,
]  # fmt: skip

_selection_options = [
    click.option("--from", "begin", default="", callback=options.not_empty, metavar="NUMBER|TIME",
                 help="The first passing: its number, or a time as 2026-11-21T10:00:00."),
    click.option("--to", "end", default="", callback=options.not_empty, metavar="NUMBER|TIME",
                 help="The last passing."),
    click.option("--session", default="", callback=options.not_empty, metavar="NAME",
                 help="Of this session only."),
    click.option("--zone", "zone_name", default="UTC", show_default=True, metavar="ZONE",
                 help="Time zone of local times, such as Europe/Berlin."),
]  # fmt: skip


@click.group("race")
def command() -> None:
    """Show what a reader's journal of passings holds, and export it.

    A reader on a port answers beside its program, which goes on timing, if that calls send() or
    run(). Where it does not, only --interrupt stops it. What a dead reader holds is read from a
    dump: esptool read-flash 0 ALL dump.bin
    """


@command.command()
@options.several(_source_options)
@options.json_option
def status(*, as_json: bool, **where: Any) -> None:
    """Tell how many passings are stored, sent and waiting, by session, and what is damaged.

    Of a reader beside its program at once: with the sessions that are not done with, and without
    a look for damage, for which all of the journal would have to be read.
    """
    if _beside(**where):
        _show_status(_running_status(as_json=as_json, **where), as_json=as_json)
        return
    source, race = _read(as_json=as_json, **where)
    _show_status(results.RaceStatus(**summarize_race(source, race)), as_json=as_json)
    _check_damage(race.damage)


def _show_status(told: results.RaceStatus, *, as_json: bool) -> None:
    if as_json:
        output.result(told)
    else:
        race_view.show_status(told)


@command.command("list")
@options.several(_source_options)
@options.several(_selection_options)
@options.json_option
def list_(
    *, begin: str, end: str, session: str, zone_name: str, as_json: bool, **where: Any
) -> None:
    """List passings: number, session, local time, how far off it may be, chip, bib, state."""
    zone = load_zone(zone_name)
    wanted = Wanted(begin=begin, end=end, session=session, zone=zone)
    source, race = _read(as_json=as_json, wanted=wanted, **where)
    chosen = select(race, wanted)
    if as_json:
        output.result(
            results.RaceList(
                serial=source.serial,
                zone=zone_name,
                passings=msgspec.to_builtins(chosen),
                damage=msgspec.to_builtins(race.damage),
            )
        )
    else:
        race_view.show_passings(chosen, zone, zone_name)
    _check_damage(race.damage)


@command.command()
@options.several(_source_options)
@options.several(_selection_options)
@click.option("--format", "form", type=click.Choice(FORMATS), default=FORMATS[0],
              show_default=True, help="race-manager: Chip, BIB, Date, Time, [Date][Time]; "
              "raceresult: a decoder's passing records; jsonl: all that is known.")  # fmt: skip
@click.option("--out", type=WRITTEN,
              help="A file, by default the standard output. Race Manager's columns are separated "
              "by tabs where it ends with .txt.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@options.json_option
def export(
    *, begin: str, end: str, session: str, zone_name: str, form: str, out: Path | None,
    overwrite: bool, as_json: bool, **where: Any,
) -> None:  # fmt: skip
    """Write passings as timing software imports them, in local time.

    What can be read is exported. Ends with 40, and a warning, where a sector is damaged.
    """
    zone = load_zone(zone_name)
    if out is not None:
        check_export(out, overwrite=overwrite)  # before a reader is stopped
    wanted = Wanted(begin=begin, end=end, session=session, zone=zone)
    source, race = _read(as_json=as_json, wanted=wanted, **where)
    chosen = select(race, wanted)
    tabs = out is not None and out.suffix.lower() == ".txt"
    text = export_text(chosen, form, zone, tabs=tabs)
    undated = sum(one.utc_ms is None for one in chosen)
    if out is not None:
        write_export(out, text, overwrite=overwrite)
        output.note(f"{out}: {len(chosen)} passings, times of {zone_name}")
    elif not as_json:
        click.echo(text.encode(), nl=False)
    if undated:
        output.warn(f"{undated} passings have no time: their reader never learned it.")
    if form != "jsonl" and clocks_change(chosen, zone):
        output.warn(
            f"The clocks in {zone_name} were put forward or back between these passings: times "
            "between local ones are an hour off there. None are with --zone UTC."
        )
    if as_json:
        output.result(
            results.RaceExport(
                serial=source.serial,
                zone=zone_name,
                file=str(out or ""),
                count=len(chosen),
                undated=undated,
                rows=[] if out else msgspec.to_builtins(chosen),
                damage=msgspec.to_builtins(race.damage),
            )
        )
    _check_damage(race.damage)


@command.command("audit")
@options.several(_source_options)
@options.several(options.place_options)
@options.read_key_option
@options.json_option
def audit_(
    *, settings_file: Path | None, base_url: str | None, ca_file: Path | None,
    read_key_file: Path | None, as_json: bool, **where: Any,
) -> None:  # fmt: skip
    """Compare the journal with the cloud: passings that are missing, extra, different or doubled.

    Needs a READ key, and changes nothing. Ends with 32 where the two differ, and with 40 where the
    journal is damaged, whatever else.
    """
    key = options.read_key(read_key_file)
    place = options.chosen_cloud(settings_file, base_url, ca_file)
    if key is None or place is None:
        raise BadInput(
            "The cloud's passings can only be read with a READ key, at a cloud that is named.",
            f"Put the key into {options.READ_KEY_VARIABLE}, and name --settings or --base-url.",
        )
    source, race = _read(as_json=as_json, **where)
    if source.stored is not None:
        check_cloud_target(place, source.stored)
    calls = kind_of(place.cloud).race
    if calls is None:
        raise BadInput(f"A cloud of kind {place.cloud} takes no passings.")
    told = audit(race, calls, place, key)
    if as_json:
        output.result(
            results.RaceAudited(
                serial=source.serial,
                agrees=not told.findings and not told.nameless,
                compared=told.compared,
                waiting=race.waiting,
                aside=race.count("aside"),
                unjudged=told.unjudged,
                findings=msgspec.to_builtins(told.findings),
                damage=msgspec.to_builtins(race.damage),
            )
        )
    else:
        race_view.show_audit(told, race)
    differing = f"The journal and the cloud differ in {counted(len(told.findings), 'passing')}."
    _check_damage(race.damage, told.nameless, differing if told.findings else "")
    if told.findings:
        raise CloudDisagrees(
            differing, "Nothing was changed. `startline race export` has what the reader stored."
        )


@command.command("resend")
@options.port_option
@click.option(
    "--interrupt",
    is_flag=True,
    help="Stop the reader's program for it, where it does not answer beside it.",
)
@options.hard_option
@options.expected_serial_option
@options.several(_selection_options)
@click.option(
    "--boot-began",
    default="",
    callback=options.not_empty,
    metavar="TIME",
    help="For passings of a boot that never had the time: when that boot began.",
)
@options.several(options.place_options)
@options.json_option
def resend_(
    *, port: str | None, interrupt: bool, hard: bool, serial: str, begin: str, end: str,
    session: str, zone_name: str, boot_began: str, settings_file: Path | None,
    base_url: str | None, ca_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Have a reader send passings once more that it has set aside.

    They go into the session that is open; what the cloud does not count stays set aside (30). The
    reader's program goes on, without --interrupt. The cloud has to be named only for a reader that
    reaches it over this very cable.
    """
    asked = ResendRange(begin=begin, end=end, session=session, boot_began=boot_began,
                        zone=load_zone(zone_name))  # fmt: skip
    find_place = partial(options.chosen_cloud, settings_file, base_url, ca_file)
    if settings_file or base_url or ca_file:
        find_place()  # what was named and cannot be used is said before a device is stopped
    with (
        output.view(as_json=as_json) as view,
        PortSession(options.chosen_port(port), hard=hard) as line,
    ):
        if interrupt or hard:
            told = resend(line, asked, find_place, listen=view, serial=serial)
        else:
            told = resend_beside(line, asked, find_place, listen=view, serial=serial)
    if as_json:
        output.result(
            results.RaceResent(
                serial=told.serial,
                count=told.count,
                aside=told.aside,
                rows=msgspec.to_builtins(told.stretches),
            )
        )
    else:
        click.echo(
            f"{counted(told.count, 'passing')} sent again; {told.aside} are set aside still."
        )


@command.command()
@options.port_option
@click.option("--interrupt", is_flag=True, help="Stop the reader's program for it.")
@options.hard_option
@options.expected_serial_option
@click.option("--lose", is_flag=True, help="Erase also what is not at the cloud: it is LOST.")
@options.confirm_option
@options.json_option
def erase(
    *, port: str | None, interrupt: bool, hard: bool, serial: str, lose: bool,
    confirm: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Erase a reader's journal, after its serial number was typed.

    Refused while any passing is not at the cloud. The binding is not touched.
    """
    if not interrupt and not hard:
        raise BadInput(
            "The reader may be timing, and was not disturbed.",
            "To stop its program, and restart it afterwards: --interrupt.",
        )
    with (
        output.view(as_json=as_json) as view,
        PortSession(options.chosen_port(port), hard=hard) as line,
    ):
        race = erase_journal(line, options.asker(confirm), lose=lose, listen=view, serial=serial)
    if as_json:
        output.result(results.RaceErased(erased=len(race.passings), lost=race.unsent))
    else:
        click.echo(
            f"{len(race.passings)} passings are erased; {race.unsent} were not at the cloud."
        )


def _beside(*, dump_file: Path | None, interrupt: bool, hard: bool, **_where: Any) -> bool:
    """Tell whether a reader is meant that goes on with its program."""
    return dump_file is None and not interrupt and not hard


def _read(
    *, port: str | None, dump_file: Path | None, interrupt: bool, hard: bool, serial: str,
    as_json: bool, wanted: Wanted = EVERYTHING,
) -> tuple[JournalSource, StoredRace]:  # fmt: skip
    """Read the journal that is meant, or of a reader beside its program as much as is wanted."""
    if dump_file is not None:
        options.check_dump_alone()
        source = from_dump(dump_file, serial)
    else:
        with (
            output.view(as_json=as_json) as view,
            PortSession(options.chosen_port(port), hard=hard) as line,
        ):
            if interrupt or hard:
                source = from_port(line, view, serial)
            else:
                source = from_running(line, view, serial, wanted)
    return source, read_race(source.part, source.unread)


def _running_status(
    *, port: str | None, serial: str, as_json: bool, **_where: Any
) -> results.RaceStatus:
    """Ask a reader beside its program how its race stands."""
    with PortSession(options.chosen_port(port)) as line:
        return results.RaceStatus(**summarize_running(line, serial)[1])


def _check_damage(damage: list[Damage], nameless: int = 0, beside: str = "") -> None:
    """Say what is lost: numbers, and the name of `nameless` passings' session. Raises StorageFailed.

    What is to be told `beside` it comes in place of the word that there is nothing.
    """
    if not damage and not nameless:
        return
    said = [
        (f"{one.first} to {one.last}" if one.last > one.first else f"{one.first}")
        + (f" (sector {', '.join(map(str, one.sectors))})" if one.sectors else "")
        for one in damage
    ]
    lost = [f"the passings {', '.join(said)}"] if said else []
    if nameless:
        lost.append(f"what the session of {counted(nameless, 'passing')} is called at the cloud")
    raise StorageFailed(
        f"The journal is damaged: it has lost {', and '.join(lost)}.",
        beside or "Everything else is there.",
    )

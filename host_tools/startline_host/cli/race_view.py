"""Shows what a reader's journal holds, as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from startline_host.race.selection import local_time
from startline_host.util import printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from startline_host.cli import results
    from startline_host.race.audit import Audit
    from startline_host.race.stored_race import JournalPassing, StoredRace


def show_status(told: results.RaceStatus) -> None:
    """Show how many passings there are, by what became of them, and by session."""
    if told.serial:
        click.echo(f"{'reader':<10}{printable(told.serial)}")
    for name in ("stored", "sent", "waiting", "unsure", "aside"):
        click.echo(f"{name:<10}{getattr(told, name)}")
    click.echo(
        f"{'journal':<10}passings {told.first} to {told.last}, {told.full} % cannot be reused"
    )
    for row in told.sessions:
        click.echo(f"{row['state']:<10}{printable(row['alias'])}: {row['passings']} passings")
    if told.others:
        click.echo(f"{'others':<10}{told.others} passings of another reader")


def show_passings(passings: Iterable[JournalPassing], zone: tzinfo, zone_name: str) -> None:
    """Show passings as a table, with their times in a zone."""
    click.echo(f"{'number':>8}  {'in session':<24}  {f'time ({zone_name})':<23}  {'±ms':>6}  "
               f"{'chip':<24}  {'bib':<8}  state")  # fmt: skip
    for one in passings:
        click.echo(_line(one, zone))


def show_audit(told: Audit, race: StoredRace) -> None:
    """Show in what the journal and the cloud differ, and how much was compared."""
    for one in told.findings:
        click.echo(f"{one.kind:<10}{printable(one.alias)} {one.num_passing} (passing {one.number})"
                   + (f": {', '.join(one.fields)}" if one.fields else ""))  # fmt: skip
        if one.stored is not None:
            seen = one.stored
            click.echo(f"{'':<10}journal  {printable(f'{seen.utc} {seen.chip} {seen.bib}')}")
        for entry in one.cloud:
            click.echo(f"{'':<10}cloud    "
                       f"{printable(f'{entry.timestamp} {entry.chip} {entry.bib}')}")  # fmt: skip
    click.echo(
        f"{told.compared} passings compared; {race.waiting} are not sent yet, "
        f"{race.count('aside')} set aside, {told.unjudged} not in the journal any more."
    )


def _line(one: JournalPassing, zone: tzinfo) -> str:
    moment = local_time(one, zone)
    when = (
        "not known"
        if moment is None
        else f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"
    )
    error = "" if one.error_ms is None else str(one.error_ms)
    place = f"{printable(one.alias)[:18]} {one.num_passing}" if one.num_passing else ""
    return (
        f"{one.number:>8}  {place:<24}  {when:<23}  {error:>6}  {printable(one.chip):<24}  "
        f"{printable(one.bib):<8}  {one.state}"
    )

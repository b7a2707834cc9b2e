"""The journal against the cloud, passing by passing: missing, extra, different, doubled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from startline_host.clouds.cloud_kind import CloudRace
from startline_host.errors import RefusedByCloud
from startline_host.flows.operator.cloud_target import CloudTarget
from startline_host.race.stored_race import JournalPassing, StoredRace
from startline_host.secrets import Secret

FindingKind = Literal["missing", "extra", "different", "doubled"]


class AuditFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A passing of which journal and cloud tell different stories; `fields` are those that differ.

    `number` is the device's own, `stored` what the journal has (None: nothing), `cloud` every
    entry that the cloud has of it.
    """

    kind: FindingKind
    alias: str
    session: int
    num_passing: int
    number: int
    fields: list[str]
    stored: JournalPassing | None
    cloud: list[Any]


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `compared` passings are on both sides, `unjudged` at the cloud alone.

    Those were in a sector that is damaged, or was used again since. `nameless` were sent, in a
    session of which the journal has lost what the cloud calls it: nobody can ask for them.
    """

    compared: int
    unjudged: int
    nameless: int
    findings: list[AuditFinding]


def audit(race: StoredRace, calls: CloudRace, place: CloudTarget, key: Secret) -> Audit:
    """Compare every session of the journal that was opened at the cloud. Nothing is changed.

    Raises RefusedByCloud where the key sees none of them, and what `calls` raise.
    """
    entries: dict[tuple[int, int], list[Any]] = defaultdict(list)
    opened = [one for one in race.sessions if one.token]
    unseen = 0
    for session in opened:
        told = calls.session_passings(place.base_url, place.ca, key, session.token)
        unseen += told is None
        for entry in told or ():
            # A rest goes on with the numbers of the session that it stands for.
            entries[session.ordinal, entry.num_passing + session.base - 1].append(entry)
    if opened and unseen == len(opened):
        raise RefusedByCloud(
            "The cloud shows none of the journal's sessions to this key.",
            "It is a READ key of another company, or the device was unbound, which deletes them.",
        )
    held = {(one.session, one.number): one for one in race.passings}
    asked = {session.ordinal for session in opened}
    nameless = [one for one in race.passings if one.state == "sent" and one.session not in asked]
    findings = [
        *(
            found
            for one in race.passings
            if one.session in asked
            for found in _judge(one, entries, calls)
        ),
        *_extras(race, entries, held),
    ]
    extras = sum(one.kind == "extra" for one in findings)
    return Audit(
        compared=len(held.keys() & entries.keys()),
        unjudged=len(entries.keys() - held.keys()) - extras,
        nameless=len(nameless),
        findings=sorted(findings, key=lambda one: (one.number, one.kind)),
    )


def _judge(
    one: JournalPassing, entries: dict[tuple[int, int], list[Any]], calls: CloudRace
) -> Iterator[AuditFinding]:
    there = entries.get((one.session, one.number), [])

    def finding(kind: FindingKind, *fields: str) -> AuditFinding:
        return AuditFinding(
            kind=kind, alias=one.alias, session=one.session, num_passing=one.num_passing,
            number=one.number, fields=list(fields), stored=one, cloud=there,
        )  # fmt: skip

    if not there and one.state == "sent":
        yield finding("missing")
    sent = calls.as_sent(one.num_passing, one, one.utc)
    # A time that an operator vouched for is not in the journal.
    timed = one.frozen and one.utc
    names = [
        name
        for name in ("bib", "chip", "status")
        if any(_differ(name, sent, two) for two in there)
    ]
    if timed and any(_moment(two.timestamp) != _moment(one.utc) for two in there):
        names.append("timestamp")
    if len(there) > 1:
        yield finding("doubled", *names)
    elif names:
        yield finding("different", *names)


def _extras(
    race: StoredRace,
    entries: dict[tuple[int, int], list[Any]],
    held: dict[tuple[int, int], JournalPassing],
) -> Iterator[AuditFinding]:
    names = {one.ordinal: (one.alias, one.base) for one in reversed(race.sessions)}
    for ordinal, number in sorted(entries.keys() - held.keys()):
        lost = any(one.first <= number <= one.last for one in race.damage)
        if lost or 0 < number < race.first:
            continue
        alias, base = names[ordinal]
        yield AuditFinding(
            kind="extra", alias=alias, session=ordinal, num_passing=number - base + 1,
            number=number, fields=[], stored=None, cloud=entries[ordinal, number],
        )  # fmt: skip


def _differ(name: str, one: Any, other: Any) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def _moment(text: str) -> object:
    """Return a time that compares whatever form it was written in."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)

"""Holds facts against an expectation, and against what must be true of every case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from startline_host.bench.scenarios.facts import CaseFacts
from startline_host.bench.scenarios.model import Expect
from startline_host.secrets import Secret


class Mismatch(msgspec.Struct, frozen=True):
    """Something that is not as it must be: what, as it should be, as it is."""

    what: str
    expected: str
    found: str

    def words(self) -> str:
        """Say it in one line."""
        return f"{self.what}: expected {self.expected}, found {self.found}"


#: Fields of an expectation that are compared as they stand with the fact of the same name.
_SAME = ("state", "step", "posts", "attempts", "lists", "records", "app", "copies", "key_kept")  # fmt: skip


def check(expect: Expect, facts: CaseFacts, *, touched: bool = False) -> list[Mismatch]:
    """Return where the facts differ from the expectation; `touched`: the cloud was connected to."""
    return list(_differences(expect, facts, touched=touched))


def check_always(
    facts: CaseFacts, secrets: Sequence[Secret], *, key_may_stay: bool, heard_all: bool
) -> list[Mismatch]:
    """Return which of the promises that hold in every scenario is broken.

    `secrets` are what no console may show; `key_may_stay` where the application keeps the key;
    `heard_all` unless a reader ran while nobody listened.
    """
    found = list(_broken_promises(facts, secrets))
    if heard_all and facts.posts > facts.attempts:
        said = f"{facts.attempts}, as the readers say"
        found.append(Mismatch("requests", said, str(facts.posts)))
    if facts.state == "bound" and facts.key_kept and not key_may_stay:
        found.append(Mismatch("claim key", "scrubbed", "still in flash"))
    return found


def _differences(expect: Expect, facts: CaseFacts, *, touched: bool) -> Iterator[Mismatch]:
    for name in _SAME:
        wanted, found = getattr(expect, name), getattr(facts, name)
        if wanted is not None and wanted != found:
            yield Mismatch(name, str(wanted), str(found))
    if (least := expect.waits) is not None and not least <= (facts.waits or 0) <= 2 * least:
        yield Mismatch("waits", f"{least} to {2 * least}", str(facts.waits))
    for name in ("reason", "why", "exit"):
        wanted, found = getattr(expect, name), getattr(facts, name)
        choices = wanted if isinstance(wanted, tuple) else (wanted,)
        if wanted is not None and found not in choices:
            yield Mismatch(name, " or ".join(map(repr, choices)), repr(found))
    if expect.warning is not None and expect.warning not in facts.warnings:
        yield Mismatch("warning", expect.warning, ", ".join(facts.warnings) or "none")
    if expect.says is not None and not any(expect.says in line for line in facts.lines):
        yield Mismatch("console", f"a line with {expect.says!r}", "none")
    if expect.untouched and touched:
        yield Mismatch("network", "no connection to the cloud", "one")
    if expect.alias is not None and expect.alias not in facts.aliases:
        yield Mismatch("alias", repr(expect.alias), ", ".join(map(repr, facts.aliases)))


def _broken_promises(facts: CaseFacts, secrets: Sequence[Secret]) -> Iterator[Mismatch]:
    if facts.strangers:
        yield Mismatch(
            "the key", "seen by the cloud only", f"{facts.strangers} requests elsewhere"
        )
    if facts.blind:
        yield Mismatch("requests", "none while one has no outcome", f"{facts.blind} sent blindly")
    tokens = {token.upper() for token in facts.tokens}
    if facts.state == "bound" and facts.token.upper() not in tokens:
        yield Mismatch("token", "one that the cloud gave", "another one")
    if facts.tracebacks:
        yield Mismatch("console", "no traceback", str(facts.tracebacks))
    if facts.torn:
        yield Mismatch("events", "none lost", f"{facts.torn} gaps")
    if any(secret.reveal() in line for secret in secrets for line in facts.lines):
        yield Mismatch("console", "no key and no password", "one")

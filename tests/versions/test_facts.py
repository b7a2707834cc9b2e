"""The page about what differs between versions says what they answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.versions import facts
from tests.versions.official import VERSIONS


def test_a_version_answers_as_the_page_says(micropython: Path, version: str) -> None:
    """Each fact of docs/reference/versions.md is what that version answers."""
    written = facts.column(facts.PAGE.read_text(encoding="utf-8"), version)
    answers = facts.ask(version)
    assert written == {
        fact.words: facts.said(said) for fact, said in zip(facts.FACTS, answers, strict=True)
    }


def test_the_page_is_made_of_the_answers() -> None:
    """Answers that differ stand by version, the others once, and each can be read back."""
    alike = ["same"] * len(facts.FACTS)
    apart = ["a | b", *alike[1:]]
    page = facts.page({"1.0": alike, "2.0": apart, "3.0": alike})
    first = facts.FACTS[0].words
    assert facts.column(page, "1.0")[first] == "`same`"
    assert facts.column(page, "2.0")[first] == r"`a \| b`"
    assert page.count("`same`") == len(facts.FACTS) + 1


def test_the_page_has_a_column_for_each_version() -> None:
    """A version that was added to package.json is in the page as well."""
    head = next(
        line for line in facts.PAGE.read_text(encoding="utf-8").splitlines() if "asked" in line
    )
    assert [cell.strip() for cell in head.strip("|").split("|")][2:] == list(VERSIONS)


@pytest.mark.parametrize("fact", facts.FACTS, ids=lambda fact: fact.words)
def test_a_fact_is_asked_once(fact: facts.Fact) -> None:
    """No two facts have the same words, by which they are found in the page."""
    assert [other.words for other in facts.FACTS].count(fact.words) == 1

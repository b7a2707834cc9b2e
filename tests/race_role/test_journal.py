"""The journal keeps what it has promised, whatever happens to its flash; in the real MicroPython."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.race_role.vm_cases import names_of, run_cases


@pytest.fixture(scope="module")
def results(race_lib: Path) -> Mapping[str, str]:
    """Run every case in one process."""
    return run_cases(race_lib, "journal_cases")


@pytest.mark.parametrize("name", names_of("journal_cases"))
def test_journal(results: Mapping[str, str], name: str) -> None:
    """The case of that name, described where it stands, holds."""
    assert results[name] == ""

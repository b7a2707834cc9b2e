"""What the race role's tests share: agent and role, compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.race_role.vm_cases import compile_race


@pytest.fixture(scope="session")
def race_lib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile agent, role and cases once."""
    return compile_race(tmp_path_factory.mktemp("race"))

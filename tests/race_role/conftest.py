"""What the race role's tests share: agent and role, compiled once, and a cloud on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from tests.agent_on_cpython import agent_on_cpython  # noqa: F401 - pytest finds it here
from tests.race_role.paper_cloud import MakeRace, PaperRace, connect
from tests.race_role.vm_cases import compile_race


@pytest.fixture(scope="session")
def race_lib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile agent, role and cases once."""
    return compile_race(tmp_path_factory.mktemp("race"))


@pytest.fixture
def make(mocker: MockerFixture) -> MakeRace:
    """Make races whose cloud is on paper."""

    def made(count: int = 5, **more: Any) -> PaperRace:
        race = connect(PaperRace(**more), mocker.patch)
        race.race.open("10 km")
        race.pass_by(count)
        return race

    return made

"""What the tests of the official builds share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.versions import selection
from tests.versions.official import program


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `version` with each that the command line asks for."""
    if "version" in metafunc.fixturenames:
        metafunc.parametrize("version", selection.chosen(metafunc.config))


@pytest.fixture
def micropython(version: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a version's program, and have everything in this test use it."""
    selection.use(version, monkeypatch)
    return Path(program(version))

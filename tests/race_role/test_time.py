"""The time of the race in virtual hours, in the real MicroPython."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.firmware.harness import factory_image, settings_for
from tests.race_role.vm_cases import names_of, run_cases


@pytest.fixture(scope="module")
def results(race_lib: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Run every case in one process."""
    fctry = tmp_path_factory.mktemp("time") / "fctry"
    settings = settings_for("https://localhost:1/v0", b"0" * 64, run="same")
    fctry.write_bytes(factory_image(settings))
    return run_cases(race_lib, "time_cases", fctry=str(fctry))


@pytest.mark.parametrize("name", names_of("time_cases"))
def test_time(results: Mapping[str, str], name: str) -> None:
    """The case of that name, described where it stands, holds."""
    assert results[name] == ""

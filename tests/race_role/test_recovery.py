"""A race over a journal that has lost entries, and a link that was away, in the real MicroPython."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.firmware.harness import factory_image, settings_for
from tests.race_role.vm_cases import names_of, run_cases


@pytest.fixture(scope="module")
def results(race_lib: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Run every case in one process."""
    fctry = tmp_path_factory.mktemp("recovery") / "fctry"
    fctry.write_bytes(factory_image(settings_for("https://localhost:1/v0", b"0" * 64, run="same")))
    return run_cases(race_lib, "recovery_cases", fctry=str(fctry))


@pytest.mark.parametrize("name", names_of("recovery_cases"))
def test_recovery(results: Mapping[str, str], name: str) -> None:
    """The case of that name, described where it stands, holds."""
    assert results[name] == ""

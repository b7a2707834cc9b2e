"""The time from a real chrony, and not from liars, in the real MicroPython."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.firmware.harness import factory_image, settings_for
from tests.race_role.time_servers import LyingServer, Relay, chrony
from tests.race_role.vm_cases import names_of, run_cases

_MODES = ("kiss", "deny", "stratum0", "unsynchronised", "zeros", "ancient", "replayed", "silent")


@pytest.fixture(scope="module")
def results(race_lib: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Run every case in one process, with all servers at hand."""
    folder = tmp_path_factory.mktemp("sync")
    fctry = folder / "fctry"
    settings = settings_for("https://localhost:1/v0", b"0" * 64, run="same")
    fctry.write_bytes(factory_image(settings, made_at=1_735_689_600))
    with chrony(folder) as server:
        jitter, asymmetric = Relay(server, 0.2, 0.2), Relay(server, 0.4, 0.0)
        servers = [jitter, asymmetric, LyingServer(wrong=3.0), LyingServer()]
        modes = {mode: LyingServer(mode) for mode in _MODES}
        try:
            return run_cases(
                race_lib,
                "sync_cases",
                fctry=str(fctry),
                chrony=server,
                jitter=jitter.server,
                asymmetric=asymmetric.server,
                liar=servers[2].server,
                honest=servers[3].server,
                modes={mode: liar.server for mode, liar in modes.items()},
            )
        finally:
            for one in (*servers, *modes.values()):
                one.close()


@pytest.mark.parametrize("name", names_of("sync_cases"))
def test_sync(results: Mapping[str, str], name: str) -> None:
    """The case of that name, described where it stands, holds."""
    assert results[name] == ""

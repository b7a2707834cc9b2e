"""What the role costs: nothing where nobody races, and a heap of a certain size where somebody does."""

from __future__ import annotations

from pathlib import Path

import pytest

from startline_host.formats.factory_partition import RacingSettings
from startline_host.mock_cloud import MockCloud
from tests.firmware.harness import HarnessReader, compile_agent, factory_image, settings_for
from tests.race_role.racing import RacingReader

pytestmark = pytest.mark.unix_port


def test_a_bound_boot_that_does_not_race(tmp_path: Path) -> None:
    """It imports nothing of the race, and the race's settings take none of its heap."""
    lib = compile_agent(tmp_path)
    assert (lib / "startline_race").is_dir()
    found = []
    with MockCloud() as cloud:
        for race in (None, RacingSettings(dead_time=5000, best=True, servers=("a.example",))):
            plain = settings_for(cloud.base_url, cloud.ca_der, cloud.keys["WRITE"], run="same")
            settings = type(plain)(
                claim=plain.claim, net=plain.net, tls=plain.tls, run=plain.run, race=race
            )
            cloud.reset()
            reader = HarnessReader(
                tmp_path / f"reader-{race is None}", lib, factory_image(settings)
            )
            assert reader.boot().state == "bound"
            boot = reader.boot()
            assert boot.state == "bound"
            found.append(boot.end)
    assert not any("race" in module for end in found for module in end["modules"])
    assert found[0]["modules"] == found[1]["modules"]
    assert abs(found[0]["heap"] - found[1]["heap"]) <= 64


def test_a_race_in_a_small_heap(tmp_path: Path, race_lib: Path) -> None:
    """A reader times and sends over TLS in 172 KiB of 64-bit objects, the stand-ins' 66 among them.

    `make benchmarks ONLY=race` finds the least, which is to be 64 KiB above a bound boot and is
    not: this holds that it does not grow.
    """
    with MockCloud() as cloud:
        racer = RacingReader(tmp_path / "reader", race_lib, cloud)
        racer.run("test_bound", module="measure_cases")
        racer.run("test_small", heap="172k", module="measure_cases")

"""Sessions and passings reach a cloud over verified TLS once, whatever it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from startline_host.mock_cloud import MockCloud
from tests.race_role.racing import RacingReader

MakeRacer = Callable[..., RacingReader]


@pytest.fixture(scope="module")
def running_cloud() -> Iterator[MockCloud]:
    """Run one mock cloud for this file."""
    with MockCloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: MockCloud) -> MockCloud:
    """Give a cloud that knows no device yet."""
    running_cloud.reset()
    return running_cloud


@pytest.fixture
def make_racer(tmp_path: Path, race_lib: Path, cloud: MockCloud) -> MakeRacer:
    """Make readers that are provisioned for the cloud."""

    def make(key: str = "WRITE", **options: object) -> RacingReader:
        return RacingReader(tmp_path / "racer", race_lib, cloud, key, **options)

    return make


def test_a_race(make_racer: MakeRacer) -> None:
    """A session is opened, 250 passings are sent once and in order, and it is closed."""
    racer = make_racer()
    racer.run("test_a_race")
    (session,) = racer.sessions()
    assert session["alias"].startswith("10 km sl.")
    assert not session["active"]
    assert racer.numbers(session) == list(range(1, 251))
    first = racer.passings(session)[0]
    assert first["chip"] == first["bib"] == "E2801160600002054C3A0000"
    assert first["timestamp"].startswith("2026-11-18T")

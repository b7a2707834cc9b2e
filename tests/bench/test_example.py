"""The worked example of docs/how-to/test-your-app.md: a reader's own `app.py`, tested without hardware."""

from __future__ import annotations

import pytest

from startline_host.bench.station import BenchDevice, BenchStation
from startline_host.mock_cloud import MockCloud

pytestmark = pytest.mark.startline(app="example")


def test_it_times_once_it_is_bound(
    startline_device: BenchDevice, startline_cloud: MockCloud
) -> None:
    """With a cloud that answers, the app starts to time under the cloud's own name for it."""
    startline_device.boot()
    assert startline_device.wait_for("timing as").endswith(
        startline_cloud.devices()[0]["deviceid"][:8]
    )


def test_it_waits_for_a_network(
    startline_device: BenchDevice, startline_station: BenchStation
) -> None:
    """Without a Wi-Fi the app waits; when there is one, the reader is bound and times."""
    startline_station.set_world(access_points={})
    startline_device.boot()
    startline_device.wait_for("not bound yet: unbound")
    startline_station.set_world()
    startline_device.wait_for("timing as", seconds=40)


def test_it_never_times_while_the_outcome_is_open(
    startline_device: BenchDevice, startline_cloud: MockCloud
) -> None:
    """When the answer is lost, the app does not time, and the request is not sent again."""
    startline_cloud.faults.turn_on("commit_then_drop")
    startline_device.boot()
    startline_device.wait_for("not bound yet: unknown")
    assert startline_cloud.requests.count("POST") == 1


@pytest.mark.startline(key="READ_WRITE")
def test_a_key_that_may_look_settles_it(
    startline_device: BenchDevice, startline_cloud: MockCloud
) -> None:
    """With a key that may look, a retry finds the lost answer in the cloud's list."""
    startline_cloud.faults.turn_on("commit_then_dropx1")
    startline_cloud.faults.turn_on("drop@GET")
    startline_device.boot()
    startline_device.wait_for("not bound yet: unknown")
    startline_cloud.faults.clear()
    startline_device.wait_for("timing as")
    assert startline_cloud.requests.count("POST") == len(startline_cloud.devices()) == 1

"""The README's worked example: a reader's own `app.py`, tested without hardware."""

from __future__ import annotations

import pytest

from startline_host.bench.station import Device, Station
from startline_host.mock_cloud import MockCloud

pytestmark = pytest.mark.startline(app="example")


def test_it_times_once_it_is_bound(device: Device, cloud: MockCloud) -> None:
    """With a cloud that answers, the app starts to time under the cloud's own name for it."""
    device.boot()
    assert device.wait_for("timing as").endswith(cloud.devices()[0]["deviceid"][:8])


def test_it_waits_for_a_network(device: Device, station: Station) -> None:
    """Without a Wi-Fi the app waits; when there is one, the reader is bound and times."""
    station.set_world(access_points={})
    device.boot()
    device.wait_for("not bound yet: unbound")
    station.set_world()
    device.wait_for("timing as", seconds=40)


def test_it_never_times_while_the_outcome_is_open(device: Device, cloud: MockCloud) -> None:
    """When the answer is lost, the app does not time, and the request is not sent again."""
    cloud.faults.turn_on("commit_then_drop")
    device.boot()
    device.wait_for("not bound yet: unknown")
    assert cloud.requests.count("POST") == 1


@pytest.mark.startline(key="READ_WRITE")
def test_a_key_that_may_look_settles_it(device: Device, cloud: MockCloud) -> None:
    """With a key that may look, a retry finds the lost answer in the cloud's list."""
    cloud.faults.turn_on("commit_then_dropx1")
    cloud.faults.turn_on("drop@GET")
    device.boot()
    device.wait_for("not bound yet: unknown")
    cloud.faults.clear()
    device.wait_for("timing as")
    assert cloud.requests.count("POST") == len(cloud.devices()) == 1

"""Whether a VMS holds a device as taken: asked of the real mock over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from startline_host.clouds.vms import VmsClaim, check_taken
from startline_host.errors import CloudDisagrees, NetworkFailed, RefusedByCloud, TlsFailed
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.formats.factory_partition import DeviceSettings, TlsSettings
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.secrets import Secret
from tests.clouds.test_cloud_check import _trusting

AUTHORIZATION = "Bearer canary"
BOUND = FirstBootOutcome("bound", "S1", "26", mac="24:6f:28:00:00:01")


@pytest.fixture(scope="module")
def running() -> Iterator[MockCloud]:
    """Run a mock cloud for this file."""
    with MockCloud(MockOptions(vms_authorization=AUTHORIZATION)) as cloud:
        yield cloud


@pytest.fixture
def cloud(running: MockCloud) -> MockCloud:
    """Give a cloud that knows no device, and has no faults."""
    running.reset()
    running.faults.clear()
    return running


def settings(cloud: MockCloud, **claim: Any) -> DeviceSettings:
    """Return settings for that cloud."""
    fields: dict[str, Any] = {
        "login": "user-login", "name": "Gate", "type": "mediaagent", "base_url": cloud.root_url,
        "auth": Secret(AUTHORIZATION), **claim,
    }  # fmt: skip
    return DeviceSettings(
        claim=VmsClaim(cloud="vms", **fields), tls=TlsSettings(ca=(cloud.ca_der,))
    )


def activate(cloud: MockCloud) -> None:
    """Activate the device as a reader would."""
    httpx.post(
        f"{cloud.root_url}/api/v1/billing/devices/activate",
        headers={"Authorization": AUTHORIZATION},
        json={"login": "user-login", "name": "Gate", "type": "mediaagent",
              "serial_number": "S1", "mac": BOUND.mac},
        verify=_trusting(cloud),
        trust_env=False,
    ).raise_for_status()  # fmt: skip


@pytest.mark.parametrize("by", ["both", "serial", "mac"])
def test_a_taken_device_agrees(cloud: MockCloud, by: str) -> None:
    """Whatever it is known by, an activated device is taken, in the cloud's words."""
    activate(cloud)
    assert check_taken(settings(cloud, by=by), BOUND) == "The device is activated already."
    assert len(cloud.vms.devices()) == 1


def test_a_free_device_disagrees(cloud: MockCloud) -> None:
    """A device that says it is bound and that the cloud would activate is a contradiction."""
    with pytest.raises(CloudDisagrees, match="has S1 as free"):
        check_taken(settings(cloud), BOUND)


def test_other_answers(cloud: MockCloud) -> None:
    """Anything but 204 and 422 is told as it is, and no secret with it."""
    with pytest.raises(RefusedByCloud, match="answers its check with 401") as refused:
        check_taken(settings(cloud, auth=Secret("Bearer wrong-canary")), BOUND)
    assert "canary" not in f"{refused.value.message} {refused.value.hint}"
    cloud.faults.turn_on("captive_portalx1")
    with pytest.raises(RefusedByCloud, match="answers its check with 200"):
        check_taken(settings(cloud), BOUND)
    cloud.faults.turn_on("redirectx1")
    with pytest.raises(RefusedByCloud, match="30"):
        check_taken(settings(cloud), BOUND)
    assert list(cloud.trapped) == []


def test_a_complaint_about_the_question_proves_nothing(cloud: MockCloud) -> None:
    """A 422 for a type that the service does not know is no word on the device."""
    with pytest.raises(RefusedByCloud, match="says nothing of it"):
        check_taken(settings(cloud, type="no such type"), BOUND)


def test_a_cloud_that_cannot_be_asked(cloud: MockCloud) -> None:
    """No server, or one of another CA, is named as such."""
    with pytest.raises(NetworkFailed):
        check_taken(settings(cloud, base_url="https://localhost:1"), BOUND)
    with MockCloud() as other, pytest.raises(TlsFailed):
        check_taken(
            msgspec.structs.replace(settings(other), tls=TlsSettings(ca=(cloud.ca_der,))), BOUND
        )

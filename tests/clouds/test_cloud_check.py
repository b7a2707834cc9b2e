"""Whether the cloud knows a device: asked of the real mock cloud over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from startline.clouds import rufus

from startline_host.clouds import cloud_check
from startline_host.clouds.cloud_check import DeviceList
from startline_host.clouds.rufus_keys import key_headers as headers_of
from startline_host.errors import BadInput, CloudDisagrees, NetworkFailed, TlsFailed
from startline_host.mock_cloud import MockCloud
from startline_host.secrets import Secret


@pytest.fixture(scope="module")
def cloud() -> Iterator[MockCloud]:
    """Run a mock cloud for this file."""
    with MockCloud() as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(cloud: MockCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_check, "_PAUSES", (0.0,))
    cloud.reset()


def bind(cloud: MockCloud, serial: str) -> str:
    """Bind a device as a reader would, and return its deviceid."""
    answer = httpx.post(
        f"{cloud.base_url}/devices",
        headers={"api_key": cloud.keys["WRITE"]},
        json={"model": "X1", "serial_number": serial},
        verify=_trusting(cloud),
        trust_env=False,
    )
    return str(answer.json()["deviceid"])


def _trusting(cloud: MockCloud) -> Any:
    import ssl

    return ssl.create_default_context(cadata=cloud.ca_pem.decode())


def check(cloud: MockCloud, serial: str, token: str, key: str = "READ") -> str:
    """Check a device and return its deviceid as the cloud has it."""
    secret = Secret(cloud.keys[key])
    listed = DeviceList("rufus", headers_of)
    entry = listed.find(cloud.base_url, [cloud.ca_der], secret, serial=serial, token=token)
    return entry.deviceid


def test_a_known_device_is_found(cloud: MockCloud) -> None:
    """The entry with the same token and serial is found, case and space aside."""
    token = bind(cloud, "Reader-7")
    assert check(cloud, " READER-7", token) == token


def test_every_page_is_read(cloud: MockCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device on a later page is found as well."""
    tokens = [bind(cloud, f"R{number}") for number in range(5)]
    monkeypatch.setattr(rufus, "LIST", ("/devices?page=%d&limit=2", *rufus.LIST[1:]))
    assert check(cloud, "R4", tokens[4]) == tokens[4]


@pytest.mark.parametrize(
    ("serial", "token", "words"),
    [
        ("R1", "F" * 64, "under another deviceid"),
        ("R9", "F" * 64, "not at all"),
        ("R9", None, "knows this deviceid as R1"),
        ("R2", None, "2 devices with the serial"),
    ],
)
def test_a_cloud_that_disagrees_is_told(
    cloud: MockCloud, serial: str, token: str | None, words: str
) -> None:
    """Another id, another serial, none at all, or two of them: each is said for what it is."""
    bound = {name: bind(cloud, name) for name in ("R1", "R2", "r2 ")}
    own = bound["R2" if serial == "R2" else "R1"]
    with pytest.raises(CloudDisagrees, match=words) as caught:
        check(cloud, serial, token or own)
    assert caught.value.exit_code == 32


def test_a_key_that_may_not_read_is_told(cloud: MockCloud) -> None:
    """A WRITE key cannot check, and that is said without the key itself."""
    with pytest.raises(BadInput, match="does not let the READ key look") as caught:
        check(cloud, "R1", "F" * 64, key="WRITE")
    assert cloud.keys["WRITE"] not in str(caught.value)


def test_another_ca_is_not_trusted(cloud: MockCloud) -> None:
    """The host, too, trusts the provisioned CA only."""
    with MockCloud() as stranger, pytest.raises(TlsFailed):
        DeviceList("rufus", headers_of).find(
            cloud.base_url, [stranger.ca_der], Secret(cloud.keys["READ"]), serial="R", token="T"
        )


def test_a_cloud_that_is_away_is_a_network_failure(cloud: MockCloud) -> None:
    """Nobody listening is told as a network failure, with what to do next."""
    with MockCloud() as gone:
        url = gone.base_url
    with pytest.raises(NetworkFailed, match="could not be asked"):
        DeviceList("rufus", headers_of).find(
            url, [cloud.ca_der], Secret("ror-x"), serial="R", token="T"
        )


def key_headers(cloud: MockCloud) -> set[str]:
    """Return under which names the last request had its key."""
    return {name for name in ("api_key", "x-api-key") if cloud.requests[-1].header(name)}


def test_the_key_gets_past_a_server_that_drops_underscores(cloud: MockCloud) -> None:
    """Behind nginx or Apache the cloud hears the key under its other name."""
    token = bind(cloud, "R1")
    cloud.faults.turn_on("drop_underscores")
    try:
        assert check(cloud, "R1", token) == token
    finally:
        cloud.faults.clear()
    assert key_headers(cloud) == {"api_key", "x-api-key"}


@pytest.mark.parametrize("name", ["api_key", "x-api-key"])
def test_one_name_for_the_key_can_be_chosen(
    cloud: MockCloud, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """For a proxy that refuses one of the names, only the other is sent."""
    monkeypatch.setenv("STARTLINE_KEY_HEADER", name)
    token = bind(cloud, "R1")
    assert check(cloud, "R1", token) == token
    assert key_headers(cloud) == {name}


def test_a_name_for_the_key_that_is_none_is_refused(
    cloud: MockCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt choice is bad input, with the names there are, and nothing is asked."""
    monkeypatch.setenv("STARTLINE_KEY_HEADER", "apikey")
    with pytest.raises(BadInput, match="STARTLINE_KEY_HEADER 'apikey' is no header") as caught:
        check(cloud, "R1", "F" * 64)
    assert "api_key or x-api-key" in caught.value.hint
    assert len(cloud.requests) == 0

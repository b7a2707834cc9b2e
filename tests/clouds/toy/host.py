"""Toy on this side: a cloud with a list, one field of its own, and nothing else."""

from __future__ import annotations

from startline_host.clouds.cloud_check import DeviceList
from startline_host.clouds.cloud_kind import CloudBench, CloudDemo, CloudKind
from startline_host.formats.factory_partition import ClaimSettings
from startline_host.secrets import Secret


class ToyClaim(ClaimSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `key`, and the `room` that the reader stands in."""

    room: str = ""


def key_headers(key: Secret) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"X-Toy-Key": key.reveal()}


def bench_claim(base_url: str, key: Secret, _serial: str) -> ToyClaim:
    """Return what a reader of the bench is told."""
    return ToyClaim(cloud="toy", base_url=base_url, key=key, room="hall")


_LIST = DeviceList("toy", key_headers)

CLOUD = CloudKind(
    title="Toy",
    claim=ToyClaim,
    check=_LIST.check,
    list_devices=_LIST.read,
    bench=CloudBench(
        mock="startline_host.mock_cloud.toy:make_mock",
        base_url=lambda mock: f"{mock.root_url}/toy",
        devices=lambda mock: list(mock.further[0].readers),
        bind_path="/toy/readers",
        claim=bench_claim,
        settings='key_env = "{key_env}"\nroom = "hall"\n',
        case_options=lambda setup, _envelope: {"second_bind": setup.second_bind},
        varies=("key",),
    ),
    demo=CloudDemo(serial="T-1", model="Toy", token="toy-000001"),
)

"""Toy on this side: a cloud with a list, one field of its own, and nothing else."""

from __future__ import annotations

from startline_host.clouds.cloud_check import DeviceList
from startline_host.clouds.cloud_kind import CloudDemo, CloudKind, PlainCloud, plain_bench
from startline_host.formats.factory_partition import ClaimSettings
from startline_host.secrets import Secret


class ToyClaim(ClaimSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `key`, and the `room` that the reader stands in."""

    room: str = ""


def key_headers(key: Secret) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"Authorization": f"Bearer {key.reveal()}"}


def bench_claim(base_url: str, key: Secret, _serial: str) -> ToyClaim:
    """Return what a reader of the bench is told."""
    return ToyClaim(cloud="toy", base_url=base_url, key=key, room="hall")


_LIST = DeviceList("toy", key_headers)

CLOUD = CloudKind(
    title="Toy",
    claim=ToyClaim,
    check=_LIST.check,
    list_devices=_LIST.read,
    bench=plain_bench(
        PlainCloud(
            prefix="/toy",
            path="/readers",
            key_header="Authorization",
            key_prefix="Bearer ",
            token_form="toy-%06d",
            token="reader",
            serial="serial",
            mark="note",
            created="since",
            words="error",
            listed=("data", "readers"),
            counted=("meta", "count"),
        ),
        claim=bench_claim,
        settings='key_env = "{key_env}"\nroom = "hall"\n',
    ),
    demo=CloudDemo(serial="T-1", model="Toy", token="toy-000001"),
)

"""A template of a cloud on the host: copy it to NAME.py, one word of ASCII letters, and change it.

The registry finds the file by its name, which is what `claim.cloud` says. The file on the device
has the same name. docs/how-to/add-a-cloud.md goes through both.
"""

from __future__ import annotations

from startline_host.clouds.cloud_check import DeviceList
from startline_host.clouds.cloud_kind import CloudDemo, CloudKind, PlainCloud, plain_bench
from startline_host.formats.factory_partition import ClaimSettings
from startline_host.secrets import Secret


class TemplateClaim(ClaimSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What [claim] may say besides `cloud`, `base_url` and `key`: texts, choices and switches.

    What has to be given is NEEDED on the device. A field that has its default is not told to the
    device. Override `check`, and call the one above, for rules of your own.
    """

    room: str = ""


def key_headers(key: Secret) -> dict[str, str]:
    """Return the headers by which this computer shows a key."""
    return {"Authorization": key.reveal()}


def bench_claim(base_url: str, key: Secret, _serial: str) -> TemplateClaim:
    """Return what a reader of the bench is told."""
    return TemplateClaim(cloud="template", base_url=base_url, key=key, room="hall")


# Reads the list as the device does, by LIST of its module. For a cloud without one, write a
# `check(device, settings, key)` of its own, or leave it out: then nothing is verified.
_LIST = DeviceList("template", key_headers)

CLOUD = CloudKind(
    title="Template Cloud",
    claim=TemplateClaim,
    check=_LIST.check,
    list_devices=_LIST.read,
    # get_device, unbind_device, losses: for `startline unbind`. doctor: for keys that can be tried.
    # rufus.py has them all.
    # How bench and proofs play it, where one path binds by POST and lists by GET. A cloud with
    # answers of another kind has a mock of its own: a `CloudBench`, as vms.py has one, and a model
    # for the proof of power cuts: tests/proofs/powercuts/vm/NAME.py.
    bench=plain_bench(
        PlainCloud(
            prefix="/template",
            path="/devices",
            key_header="Authorization",
            key_prefix="",  # "Bearer " where that stands before the key, here, above, and on the device
            token_form="%d",
            token="id",
            serial="serial",
            mark="firmware",
            created="created",
            words="message",
            listed=("devices",),
            counted=("count",),
        ),
        claim=bench_claim,
        settings='key_env = "{key_env}"\nroom = "hall"\n',
    ),
    # The request and the answer of the vendor's own page.
    demo=CloudDemo(serial="DEVICE-1", model="Model X1", token="1"),
)

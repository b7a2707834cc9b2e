"""What a cloud's file tells of its cloud; no flow, verb or scenario knows a cloud by its name."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from startline_host.clouds.bound_device import BoundDevice
from startline_host.clouds.device_entries import CloudEntry
from startline_host.errors import BadInput
from startline_host.formats.factory_partition import ClaimSettings, DeviceSettings
from startline_host.secrets import Secret


class CloudDevice(msgspec.Struct, frozen=True):
    """What the cloud says of a device: None where the key may not look."""

    found: bool | None
    sessions: int | None = None
    passings: int | None = None


class KeyReply(msgspec.Struct, frozen=True):
    """What was answered to a call: status, the API's own words, the time, and who answered.

    `is_api` tells that the answer has the API's form; `server` is what it says of itself.
    """

    status: int
    words: str
    time: datetime | None
    is_api: bool = True
    server: str = ""


class KeyOpinion(msgspec.Struct, frozen=True):
    """What is to be said of a key that can be used; with a `remedy` where another were better.

    `may_read` is False for a key that is known not to read the cloud's list.
    """

    text: str
    remedy: str = ""
    may_read: bool = True


class KeyDoctor(msgspec.Struct, frozen=True, kw_only=True):
    """How keys are tried before a device is touched, by calls that change nothing.

    `ask` takes a READ key, or None for the claim key, and raises NetworkFailed or TlsFailed where no
    answer came. `claim_key` and `read_key` judge what came of it, and raise what a command would
    end with for a key that cannot be used.
    """

    ask: Callable[[DeviceSettings, Secret | None], KeyReply]
    claim_key: Callable[[DeviceSettings, KeyReply], KeyOpinion]
    read_key: Callable[[KeyReply], KeyOpinion]


class PlainCloud(msgspec.Struct, frozen=True, kw_only=True):
    """A cloud that binds by one POST and lists its devices by a GET of the same path.

    That, and how it names things, is all that the bench and the proofs need to play it: both are
    at `prefix` and `path`, `key_header` carries a key behind `key_prefix`, such as "Bearer ", and
    `token_form` makes a token of a number, such as "id-%06d". `token`, `serial`, `mark` and `created`
    are what a request and an entry of the list call these, `words` what the cloud calls its words
    for people. `listed` are the names that lead to the entries of a page, none where the page is the
    list itself, and `counted` those that lead to how many there are in all, none where that is not
    said: as LIST on the device has them.
    """

    prefix: str
    path: str
    key_header: str
    key_prefix: str = ""
    token_form: str
    token: str
    serial: str
    mark: str
    created: str
    words: str
    listed: tuple[str, ...] = ("result",)
    counted: tuple[str, ...] = ()


class CloudBench(msgspec.Struct, frozen=True, kw_only=True):
    """How the cloud is played on a bench: by which mock, and what its readers are told.

    `mock` names the factory of a running mock as "package.module:name". It takes `MockOptions`, and
    the description of a `plain` cloud, and what it makes can do what `MockCloud` does; `base_url` and `devices` read the cloud's own side
    of it, and `bind_path` is where the one request goes.

    `claim(base URL, key, serial)` is what a reader of the bench is told, `settings` the same as
    lines of [claim], but for cloud and base URL; there {key_env} stands for the variable with the
    key. `case_options(setup, envelope)` are the mock's options for a scenario's `cloud` table.
    `sessions` lists what the mock has been sent in races, as `MockCloud.sessions` does; None for a
    cloud that takes none. `scenarios` are the words in a scenario's `clouds` by which it is run besides the cloud's own
    name. What of a scenario `varies` makes cases of its own: the claim key's access type, or the
    envelope of answers.
    """

    mock: str
    base_url: Callable[[Any], str]
    devices: Callable[[Any], Sequence[Mapping[str, Any]]]
    bind_path: str
    claim: Callable[[str, Secret, str], ClaimSettings]
    settings: str
    case_options: Callable[[Any, str], dict[str, Any]] = lambda _setup, _envelope: {}
    sessions: Callable[[Any], Sequence[Mapping[str, Any]]] | None = None
    scenarios: tuple[str, ...] = ("any",)
    varies: tuple[Literal["key", "envelope"], ...] = ()
    plain: PlainCloud | None = None

    def make_mock(self, options: Any) -> Any:
        """Make the mock with these `MockOptions`; it serves as long as its `with` block runs."""
        described = {} if self.plain is None else msgspec.structs.asdict(self.plain)
        return pkgutil.resolve_name(self.mock)(options, **described)


def plain_bench(
    plain: PlainCloud, *, claim: Callable[[str, Secret, str], ClaimSettings], settings: str
) -> CloudBench:
    """Return how a plain cloud is played; `claim` and `settings` are as `CloudBench` has them."""
    return CloudBench(
        mock="startline_host.mock_cloud.plain_cloud:make_mock",
        base_url=lambda mock: f"{mock.root_url}{plain.prefix}",
        devices=lambda mock: list(mock.further[0].devices),
        bind_path=plain.prefix + plain.path,
        claim=claim,
        settings=settings,
        case_options=lambda setup, _envelope: {"second_bind": setup.second_bind},
        varies=("key",),
        plain=plain,
    )


class CloudDemo(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo tells of the cloud: the request of its vendor's own page, and its answer.

    `token` is what the page's example answers, and `note` what else to say of it. `passings` asks
    the mock for all that a race has left there; None for a cloud that takes none.
    """

    serial: str
    model: str
    token: str
    note: str = ""
    passings: Callable[[Any], list[dict[str, Any]]] | None = None


class CloudRace(msgspec.Struct, frozen=True, kw_only=True):
    """What the cloud tells of passings, for an audit.

    `session_passings(base URL, CAs, key, session's token)` lists all of a session, None for one
    that the key does not see; `as_sent(number in its session, passing, time)` is the same of what
    a reader sends. Both have `num_passing`, `timestamp`, `bib`, `chip` and `status`.
    """

    session_passings: Callable[..., list[Any] | None]
    as_sent: Callable[[int, Any, str], Any]


class CloudKind(msgspec.Struct, frozen=True, kw_only=True):
    """What a cloud can be asked, and in which words; None for what it has no call for.

    `check(device, settings, READ key)` says in words what the cloud has of a device that is bound,
    or raises what `cloud_verification.verify_with_cloud` does; `check_wants_key` tells that it
    takes a READ key. `list_devices` is a `DeviceList.read`. `get_device(base URL, CAs, key, token=,
    serial=)` looks one device up, `unbind_device(base URL, CAs, key, token)` deletes it and tells
    whether it was there, and `losses(device, its name)` says what goes with it.

    `claim` is what [claim] may say. `retry_settles` says what `startline retry` does for a device whose outcome is unknown, where
    the cloud has no list to settle it by, as a sentence with a blank behind it.
    """

    title: str = ""
    claim: type[ClaimSettings] = ClaimSettings
    check: Callable[[BoundDevice, DeviceSettings, Secret | None], str] | None = None
    check_wants_key: bool = True
    list_devices: Callable[..., list[CloudEntry]] | None = None
    get_device: Callable[..., CloudDevice] | None = None
    unbind_device: Callable[..., bool] | None = None
    losses: Callable[[CloudDevice, str], str] | None = None
    retry_settles: str = ""
    race: CloudRace | None = None
    doctor: KeyDoctor | None = None
    bench: CloudBench | None = None
    demo: CloudDemo | None = None

    @property
    def played(self) -> CloudBench:
        """How the cloud is played on a bench. Raises BadInput for a cloud without a mock."""
        if self.bench is None:
            raise BadInput(
                f"There is no mock of {self.title or 'this cloud'}.",
                "Its file on the host has no `bench`; docs/how-to/add-a-cloud.md has how to write it.",
            )
        return self.bench

    @property
    def lists(self) -> bool:
        """Whether the cloud has a list of devices that a device can be looked for in."""
        return self.list_devices is not None

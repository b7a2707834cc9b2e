"""What a mock cloud can be told: one struct for the command, the bench, the demo and pytest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from startline_host.local_web.request_body import MAX_BODY
from startline_host.mock_cloud.rufus.passing_rules import PassingRules
from startline_host.secrets import Secret

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from startline_host.mock_cloud.store import CloudStore


class FurtherApi(Protocol):
    """One more cloud at a mock's site, with a state of its own, mounted at `prefix`.

    `bind_path` and `list_path` are where faults meet a request that binds, or lists devices: whole
    paths, "" for a cloud without a list. `token` is what its answers call a token, which faults
    spoil.
    """

    prefix: str
    bind_path: str
    list_path: str
    token: str

    def app(self) -> ASGIApp:
        """Build the application."""

    def forget(self) -> None:
        """Forget its devices."""


@dataclass(frozen=True, kw_only=True)
class MockOptions:
    """The options of a `MockCloud`; what is not given is as a reader's usual cloud has it.

    `envelope` is bare or body; `answer_form` json or documented; `second_bind` new, same or
    conflict, and `vms_second_bind` the same for VMS; `certificate` a name out of
    `certificate_authority.CASES`. `faults` are specs such as `status:503x2` or, with `proxied`,
    also `cut_down:100`. With `tls` off it serves plain HTTP; `http_port` serves plain HTTP
    besides. `names` are further host names that it answers to, in its certificate and in the Host
    header. `db` keeps state, keys and CA in a file. `password` locks the page. `seed` makes ids
    and random faults repeatable. `vms_authorization` is what VMS calls must carry in that header.
    `strict`, `duplicates`, `partial_insertion`, `largest_list`, `stale_after` and `future_after` are
    the rules for sessions and passings (`PassingRules`); `largest_body` is in bytes.
    `apis` make further clouds that the server plays besides, behind the same faults.
    """

    envelope: str = "bare"
    answer_form: str = "json"
    second_bind: str = "new"
    vms_second_bind: str = "conflict"
    vms_authorization: str | None = None
    type_required: bool = False
    strict: bool = True
    duplicates: str = "full"
    partial_insertion: bool = False
    largest_list: int | None = None
    largest_body: int = MAX_BODY
    stale_after: int | None = None
    future_after: int | None = None
    faults: Sequence[str] = ()
    proxied: bool = False
    tls: bool = True
    certificate: str = "good"
    host: str = "localhost"
    port: int = 0
    http_port: int | None = None
    names: Sequence[str] = ()
    db: Path | None = None
    password: Secret | None = None
    seed: int | None = None
    apis: Sequence[Callable[[CloudStore], FurtherApi]] = ()

    def passing_rules(self) -> PassingRules:
        """Put the rules for sessions and passings together; raise `BadInput` for wrong ones."""
        return PassingRules(
            strict=self.strict,
            duplicates=self.duplicates,
            partial_insertion=self.partial_insertion,
            largest_list=self.largest_list,
            stale_after=self.stale_after,
            future_after=self.future_after,
        )

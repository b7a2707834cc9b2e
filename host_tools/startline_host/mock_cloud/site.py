"""The two clouds over one store, behind one door: an application that needs no socket yet."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount

from startline_host.errors import BadInput
from startline_host.local_web.event_hub import EventHub
from startline_host.local_web.origin_check import OriginCheck
from startline_host.mock_cloud import rufus, vms
from startline_host.mock_cloud.certificate_authority import CertificateAuthority
from startline_host.mock_cloud.fault_middleware import FaultMiddleware
from startline_host.mock_cloud.faults import FaultPlayer, LateCommits
from startline_host.mock_cloud.log_format import entry_summary
from startline_host.mock_cloud.openapi import openapi_document
from startline_host.mock_cloud.page import PageContext, page_app
from startline_host.mock_cloud.request_log import RequestLog
from startline_host.mock_cloud.store import default_keys, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp

    from startline_host.mock_cloud.fault_switches import FaultSwitches
    from startline_host.mock_cloud.mock_options import MockOptions
    from startline_host.mock_cloud.request_log import LoggedRequest
    from startline_host.mock_cloud.store import CloudStore
    from startline_host.secrets import Secret

#: The lowest limit for bodies, in bytes: binding has to fit.
LOWEST_LIMIT = 1024

#: The company that the first keys belong to.
FIRST_COMPANY = "Bench"


class MockSite:
    """What the mock cloud is, apart from where it listens."""

    def __init__(self, store: CloudStore, options: MockOptions) -> None:
        self.store = store
        self.hub = EventHub()
        self.requests = RequestLog(on_change=self._heard)
        self.apis = tuple(make(store) for make in options.apis)
        self.faults = FaultPlayer(seed=options.seed or 0, further=self.apis)
        self.late = LateCommits(on_commit=self.tell_page)
        self.faults.on_change = self.tell_page
        self._largest_body = options.largest_body
        if options.largest_body < LOWEST_LIMIT:
            raise BadInput(
                f"largest_body is {options.largest_body}: it has to be {LOWEST_LIMIT} bytes or more."
            )
        seed = options.seed
        self._random = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
        self.rufus = rufus.RufusApi(
            store,
            envelope=options.envelope,
            form=options.answer_form,
            second_bind=options.second_bind,
            typed=options.type_required,
            rules=options.passing_rules(),
            new_token=self._token,
        )
        self.vms = vms.VmsApi(
            store, second=options.vms_second_bind, authorization=options.vms_authorization
        )
        self.keys = default_keys(store, store.company(FIRST_COMPANY), example=True)
        self.authority = self._authority()

    def app(
        self,
        names: Sequence[str],
        board: FaultSwitches,
        about: Callable[[], dict[str, Any]],
        password: Secret | None,
    ) -> ASGIApp:
        """Build the application; it answers to these host names only.

        The page switches faults on `board`, shows what `about` says, and wants `password`.
        """
        own = [Mount(api.prefix, app=api.app()) for api in self.apis]
        clouds = Starlette(
            # One more cloud may have a prefix of these two, such as /v0; without one it comes last.
            routes=[
                *(mount for mount in own if mount.path),
                Mount(rufus.PREFIX, app=self.rufus.app()),
                Mount(vms.PREFIX, app=self.vms.app()),
                *(mount for mount in own if not mount.path),
            ],
            exception_handlers={HTTPException: self.rufus.not_routed},
        )
        watched = PageContext(
            store=self.store,
            requests=self.requests,
            board=board,
            hub=self.hub,
            about=about,
            describe=lambda: openapi_document(self.rufus, self.vms, self._largest_body),
            reset=self.reset,
            close_session=self.close_session,
        )
        page = OriginCheck(page_app(watched, password), names)
        return FaultMiddleware(
            OriginCheck(clouds, names),
            page,
            self.requests,
            self.faults,
            self.late,
            self.store,
            largest_body=self._largest_body,
        )

    def options(self) -> dict[str, str]:
        """Say how the clouds answer, for a person."""
        return {
            "envelope": self.rufus.envelope,
            "form": self.rufus.form,
            "second bind": self.rufus.second_bind,
            "requests": "strict" if self.rufus.rules.strict else "lenient",
            "duplicates": self.rufus.rules.duplicates,
        }

    def add_company(self, name: str) -> dict[str, str]:
        """Make a company with one key of each access type, and return these by type."""
        return default_keys(self.store, self.store.company(name))

    def devices(self, company: str | None = None) -> list[dict[str, Any]]:
        """List the devices of one company or of all, oldest first, as the API names their fields."""
        rows = self.store.rows(
            "SELECT devices.*, companies.name AS company_name FROM devices"
            " JOIN companies ON companies.id = devices.company ORDER BY devices.id"
        )
        names = ("deviceid", "type", "model", "alias", "firmware", "serial_number")
        return [
            {
                **{name: row[name] for name in names},
                "creation_date": iso(row["created"]),
                "last_seen": iso(row["last_seen"]),
                "company": row["company_name"],
            }
            for row in rows
            if company in {None, row["company_name"]}
        ]

    def reset(self) -> None:
        """Forget devices, sessions, passings and requests; keys, CA and faults stay."""
        self.store.forget()
        for api in self.apis:
            api.forget()
        self.requests.clear()
        self.tell_page()

    def close_session(self, token: str) -> bool:
        """Close a session as somebody else would; tell whether it was active."""
        was_active = self.store.close_session(token)
        self.tell_page()
        return was_active

    def sessions(self) -> list[dict[str, Any]]:
        """List all sessions, oldest first, with serial number and passings."""
        found = self.store.rows(
            "SELECT sessions.id, token AS token_session, sessions.alias, closed IS NULL AS active,"
            " serial_number FROM sessions JOIN devices ON devices.id = device ORDER BY sessions.id"
        )
        passings = self.store.rows("SELECT * FROM passings ORDER BY id")
        return [
            {
                **one,
                "active": bool(one["active"]),
                "passings": [row for row in passings if row["session"] == one["id"]],
            }
            for one in found
        ]

    def withdraw_key(self, text: str) -> Callable[[], None]:
        """Remove a key; what is returned gives it back."""
        key = self.store.key(text)
        if key is None:
            raise BadInput("There is no such key.")
        self.store.remove_key(text)

        def give_back() -> None:
            self.store.add_key(key.company, key.access, key.alias, text)

        return give_back

    def tell_page(self) -> None:
        """Have open pages ask for the state again."""
        self.hub.publish("changed")

    def _heard(self, entry: LoggedRequest) -> None:
        """Pass a request on to open pages, and that it may have changed something."""
        if not self.hub.heard:
            return
        self.hub.publish("request", entry_summary(entry))
        if entry.ended and entry.method not in {"GET", "HEAD"}:
            self.tell_page()

    def _authority(self) -> CertificateAuthority:
        """Take the CA of an earlier run with the same database, or make one."""
        authority = CertificateAuthority(self.store.setting("authority"))
        self.store.set_setting("authority", authority.to_pem())
        return authority

    def _token(self) -> str:
        return f"{self._random.getrandbits(256):064X}"

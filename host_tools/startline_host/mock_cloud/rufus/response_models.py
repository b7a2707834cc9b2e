"""The answers of the API as types: what the OpenAPI description says of them."""

from __future__ import annotations

from typing import Annotated

import msgspec

Token = Annotated[str, msgspec.Meta(pattern="^[0-9A-F]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class _StrictModel(msgspec.Struct, forbid_unknown_fields=True):
    """An object with these fields and no others."""


class RefusedAnswer(_StrictModel):
    """Any refusal: the reason, and what it was about."""

    description: str
    deviceid: str = ""
    token_session: str = ""
    serial_number: str = ""


class DeviceAnswer(_StrictModel):
    """A device was bound or unbound."""

    description: str
    deviceid: Token


class SessionAnswer(_StrictModel):
    """A session was inserted or closed."""

    description: str
    token_session: Token


class InsertedAnswer(_StrictModel):
    """Passings were inserted, or were there already."""

    description: str
    token_session: Token
    inserted_count: Count
    duplicate_count: Count


class Pagination(_StrictModel):
    """Which page of a list this is, and how many entries and pages there are in all."""

    page: Positive
    limit: Positive
    total: Count
    total_pages: Positive


class DeviceSummary(_StrictModel):
    """A device in the company's list."""

    deviceid: Token
    type: str
    model: str
    alias: str
    firmware: str | None
    serial_number: str
    creation_date: str
    last_login: str | None
    sessions: Count
    device_status: str | None
    battery_percentage: int | None
    charging: bool | None
    last_telemetry_at: str | None


class DevicesAnswer(_StrictModel):
    """A page of the company's devices."""

    description: str
    result: list[DeviceSummary]
    pagination: Pagination


class DeviceDetails(_StrictModel):
    """One device by itself."""

    deviceid: Token
    type: str
    model: str
    alias: str
    firmware: str | None
    serial_number: str
    creation_date: str
    sessions: Count
    passings: Count
    last_seen: str | None


class OneDeviceAnswer(_StrictModel):
    """One device of the company."""

    description: str
    result: DeviceDetails


class SessionDetails(_StrictModel):
    """A timing session, with the dates of its first and last passing."""

    token_session: Token
    alias: str
    creation_date: str
    active: bool
    passings: Count
    first: str | None
    last: str | None


class SessionsAnswer(_StrictModel):
    """Sessions of a device."""

    description: str
    result: Annotated[list[SessionDetails], msgspec.Meta(min_length=1)]


class OneSessionAnswer(_StrictModel):
    """One session."""

    description: str
    result: SessionDetails


class _PassingFields(_StrictModel):
    """A passing as it is read back, but for its coordinates."""

    bib: str
    num_passing: Count
    timestamp: str
    status: str | None
    participant_id: str | None
    chip: str | None
    timezone: str | None
    gender: str | None
    token_session: Token
    deviceid: Token


class StoredPassing(_PassingFields):
    """A passing as it is read back."""

    latitude: float | None
    longitude: float | None


class OlderStoredPassing(_PassingFields):
    """A passing as the older page shows it."""

    latitude: str | None
    longitude: str | None


class PassingsAnswer(_StrictModel):
    """A page of passings."""

    description: str
    result: list[StoredPassing]
    pagination: Pagination


class OlderPassingsAnswer(_StrictModel):
    """The same as the older page shows it."""

    description: str
    result: list[OlderStoredPassing]
    pagination: Pagination


class _SessionPage(_StrictModel):
    """A page of the session in which reading goes on, but for its passings."""

    description: str
    deviceid: Token
    session_used: Token
    session_label: str
    resumed_from: int | None
    pagination: Pagination


class ResumedAnswer(_SessionPage):
    """A page of the passings of the session in which reading goes on."""

    passings: list[StoredPassing]


class OlderResumedAnswer(_SessionPage):
    """The same as the older page shows it."""

    passings: list[OlderStoredPassing]

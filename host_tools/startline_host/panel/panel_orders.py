"""What the page orders, checked before anything touches the reader."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec

from startline_host.errors import BadInput
from startline_host.flows.field_settings import Name
from startline_host.flows.operator.change_plan import FACTORY, check_changes
from startline_host.flows.operator.requested_changes import requested_changes
from startline_host.formats.serial_number import check_serial
from startline_host.secrets import Secret

_Order = TypeVar("_Order", bound="PanelOrder")


class PanelOrder(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An order for a verb: whether the reader may be stopped for it, and is to be reset first."""

    interrupt: bool = False
    hard: bool = False

    @property
    def stops(self) -> bool:
        """Whether the reader's program is to be stopped: a reset does that too."""
        return self.interrupt or self.hard

    def check(self) -> None:
        """Raise BadInput for what no reader could be given."""


class SetOrder(PanelOrder, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`set`: as the options of that verb are called; `factory` is what is restored first."""

    ssid: str | None = None
    password: str | None = None
    open: bool = False
    link: Literal["wifi", "usb"] | None = None
    ntp: list[str] = []
    boot_limit: int | None = None
    look_pause: int | None = None
    dead_time: int | None = None
    batch: int | None = None
    mark: bool | None = None
    factory: list[str] | None = None
    only_try: bool = False

    def check(self) -> None:
        """Raise BadInput for settings that no device could use, or none at all."""
        changes = self.changes()
        if self.only_try and self.factory is not None:
            raise BadInput("Give either a try or what is to be restored.")
        if unknown := set(self.factory or ()) - FACTORY.keys():
            raise BadInput(f"There is no setting {min(unknown)!r} to restore.")
        if changes or (self.factory is None and not self.only_try):
            check_changes(changes)

    def changes(self) -> dict[Name, str | int | Secret]:
        """Return the settings to write."""
        return requested_changes(
            link=self.link,
            ssid=self.ssid,
            password=self._password(),
            ntp=tuple(self.ntp),
            boot_limit=self.boot_limit,
            look_pause=self.look_pause,
            dead_time=self.dead_time,
            batch=self.batch,
            mark=self.mark,
        )

    def _password(self) -> Secret | None:
        if self.open:
            if self.password:
                raise BadInput("An open Wi-Fi has no password: leave out one or the other.")
            return Secret("")
        if self.password:
            return Secret(self.password)
        if self.ssid is not None:
            raise BadInput(
                "The Wi-Fi password is needed.", "Or say that the Wi-Fi has none: open."
            )
        return None


class RetryOrder(PanelOrder, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`retry`: `timeout` in seconds, None for as long as the reader's own settings allow."""

    timeout: float | None = None

    def check(self) -> None:
        """Raise BadInput for a time that is none."""
        if self.timeout is not None and not self.timeout >= 1:
            raise BadInput("A try gets 1 second or more.")


class ReconcileOrder(PanelOrder, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`reconcile`: serial numbers of the company's other units, or the entry to take over."""

    known_serials: list[str] = []
    adopt: str | None = None

    def check(self) -> None:
        """Raise BadInput for a serial number that no unit can have."""
        for serial in self.known_serials:
            check_serial(serial)


def read_verb_order(kind: type[_Order], sent: dict[str, Any]) -> _Order:
    """Return an order as it was sent, once it is checked. Raises BadInput."""
    try:
        order = msgspec.convert(sent, kind)
    except msgspec.ValidationError as error:
        raise BadInput(f"That is not an action of this verb: {error}.") from None
    order.check()
    return order

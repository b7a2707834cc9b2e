"""All faults under one roof: those of the clouds' application, and those of the proxy before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from startline_host.errors import BadInput
from startline_host.mock_cloud.fault_spec import parse
from startline_host.mock_cloud.fault_table import ROWS
from startline_host.mock_cloud.proxy_faults import PROXY_ROWS

if TYPE_CHECKING:
    from startline_host.mock_cloud.fault_spec import FaultSpec, FaultValue
    from startline_host.mock_cloud.faults import FaultPlayer
    from startline_host.mock_cloud.proxy import FaultProxy

#: Every fault that there is: what it says, what number it takes, and whether it acts on bytes.
ALL_FAULTS: dict[str, tuple[str, FaultValue | None, bool]] = {
    **{name: (row.says, row.value, False) for name, row in ROWS.items()},
    **{name: (row.says, row.value, True) for name, row in PROXY_ROWS.items()},
}


class FaultSwitches:
    """Switches faults of either kind by name; `proxy` is None where there is none."""

    def __init__(self, faults: FaultPlayer, proxy: FaultProxy | None) -> None:
        self._faults = faults
        self._proxy = proxy

    @property
    def active(self) -> list[FaultSpec]:
        """Every fault that is on."""
        return self._faults.active + ([] if self._proxy is None else self._proxy.active)

    @property
    def known(self) -> list[str]:
        """Every fault that can be switched on here."""
        return [name for name in ALL_FAULTS if self._proxy is not None or name in ROWS]

    def turn_on(self, text: str) -> FaultSpec:
        """Switch a fault on; raise `BadInput` for an order that cannot be read or played here."""
        name = parse(text, ALL_FAULTS).name
        if name in ROWS:
            return self._faults.turn_on(text)
        if self._proxy is None:
            raise BadInput(
                f"The fault {name!r} works on bytes, and needs a proxy in front of this cloud.",
                "Start the cloud with proxied=True.",
            )
        return self._proxy.turn_on(text)

    def turn_off(self, name: str) -> None:
        """Switch a fault off; nothing happens if it is not on."""
        self._faults.turn_off(name)
        if self._proxy is not None:
            self._proxy.turn_off(name)

    def clear(self) -> None:
        """Switch every fault off."""
        self._faults.clear()
        if self._proxy is not None:
            self._proxy.clear()

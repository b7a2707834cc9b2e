"""Decides whether a device may be loaded at all: a binding is never put at risk."""

from __future__ import annotations

import msgspec

from startline_host.errors import WouldTouchBound, WrongDevice
from startline_host.flows.device_snapshot import Holding, Kept

_SHOWN_DIGITS = 8


def may_load(kept: Kept, *, serial: str | None, fctry: bytes | None, allow_bound: bool) -> bool:
    """Tell whether the device's identity must stay as it is (True), or may be written (False).

    `serial` and `fctry` are what the device shall become, None for a load that gives it no
    identity. Raises WouldTouchBound for a bound or unknown device unless `allow_bound`, and
    WrongDevice where such a device is another than the one meant.
    """
    holding = kept.holding()
    if holding.must_stay:
        if not allow_bound:
            raise _refusal(holding)
        own = kept.told().get("factory", "serial")
        if serial is not None and own and own != serial:
            raise WrongDevice(
                f"The device is {own}, not {serial}, and it is {holding.state}.",
                "With --allow-bound a device keeps its identity: leave --serial out, or take the "
                "right device.",
            )
        return True
    if fctry is not None:
        after = msgspec.structs.replace(kept, fctry=fctry).holding()
        if after.must_stay:
            raise WouldTouchBound(
                f"The device carries the record of another identity ({after.serial}, "
                f"{holding.state}).",
                "Clear it first, if you are sure: startline reset.",
            )
    return False


def _refusal(holding: Holding) -> WouldTouchBound:
    keep = "To reload its agent and keep the rest as it is: --allow-bound."
    if holding.state == "bound":
        token = holding.token
        if len(token) > _SHOWN_DIGITS:
            token = f"{token[:_SHOWN_DIGITS]}…"
        name = f"{holding.serial}, deviceid {token}"
        return WouldTouchBound(f"The device is bound ({name}). It was left as it is.", keep)
    return WouldTouchBound(
        f"Whether the device is bound is not known ({holding.reason or 'no answer yet'}). "
        "It was left as it is.",
        f"Settle that first: startline reconcile. {keep}",
    )

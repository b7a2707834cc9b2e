"""`startline reconcile`: settles `unknown` by what the cloud's list says; the device decides."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import msgspec

from startline_host.clouds.cloud_registry import kind_of
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.errors import BadInput, CloudDisagrees, OutcomeUnknown
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.flows.operator.cloud_target import CloudTarget, check_cloud_target
from startline_host.flows.operator.confirmation import Ask, Confirmation
from startline_host.flows.operator.device_session import DeviceSession, device_session
from startline_host.flows.operator.lookup import (
    KnownUnits,
    LookupResult,
    LookupTarget,
    as_argument,
    look_once,
    lookup_target,
    pause_before_second,
)
from startline_host.flows.operator.reconcile_result import (
    HELD,
    ReconcileResult,
    check_result,
    find_conflicts,
    without_list,
)
from startline_host.secrets import Secret
from startline_host.util import printable

#: Seconds between looks for an entry that was made just now.
_SHOWS_LATE = (0.5, 1.5, 3.0)

#: What has to be typed by someone who vouches for the READ key.
SAME_COMPANY = "same company"


def no_key() -> Secret:
    """Have nobody to ask for a READ key. Raises BadInput."""
    raise BadInput("A READ key is needed to look into the list.", "Set STARTLINE_READ_KEY.")


def reconcile(
    line: PortSession,
    cloud_target: CloudTarget | None,
    key: Secret | None,
    ask: Ask,
    *,
    known_serials: tuple[str, ...] = (),
    tokens_of: Callable[[str], tuple[str, ...]] = lambda _serial: (),
    ask_key: Callable[[], Secret] = no_key,
    listen: Listener,
) -> ReconcileResult:
    """Bring the device what the cloud's list says of it, and return what came of it.

    Without an entry it becomes unbound only after two complete looks, and only if the key is
    proven to be the company's or `ask` is answered: it lists one of `known_serials`, or one of
    the tokens that `tokens_of` returns for the device's serial number. Without a `key`, `ask_key`
    is called once it is known that the device's cloud has a list. Nothing is changed at the
    cloud. Raises OutcomeUnknown and CloudDisagrees for a device that stays as it is.
    """
    with device_session(line, listen) as device:
        read = kind_of(device.cloud).list_devices
        if read is None:
            return without_list(device, listen)
        cloud_target = check_cloud_target(cloud_target, device.stored)
        device.carry_to(cloud_target.base_url)
        key = key or ask_key()
        target = lookup_target(device)
        view = device.snapshot.record()
        listen(Step("Looking into the cloud's list"))
        known = KnownUnits(known_serials, tokens_of(target.serial))
        looks = partial(look_once, read, cloud_target, key, target, known)
        result = looks()
        before = device.snapshot.summary()
        after = FirstBootOutcome(view.state, target.serial, before.token, view.reason)
        if view.state == "unknown" and view.reason not in HELD:
            if not result.entries:
                _vouch(result, known, ask)
            result, after = _settle(device, target, result, looks, listen)
        elif view.state == "unknown":
            after = msgspec.structs.replace(after, token="")
        if after.state == "unbound" and view.state == "unknown":
            listen(Remark("The cloud does not have it: the device is unbound."))
            after = device.run_on()
            if after.bound:
                # It says so: what counts is what the cloud has now, by whatever request.
                target = msgspec.structs.replace(target, attempts=(), token=after.token)
                result = _seen_again(
                    partial(look_once, read, cloud_target, key, target, known), after.token
                )
    done = ReconcileResult(
        state=after.state,
        reason=after.reason,
        serial=target.serial,
        token=after.token,
        listed=result.listed,
        findings=find_conflicts(result.entries, target, after),
    )
    for one in done.findings:
        listen(Remark(one.words, warning=True))
    check_result(done, result)
    return done


def _seen_again(looks: Callable[[], LookupResult], token: str) -> LookupResult:
    """Look until the list shows a new entry, which it may do a moment late."""
    for pause in _SHOWS_LATE:
        result = looks()
        if any(entry.has_token(token) for entry in result.entries):
            return result
        time.sleep(pause)
    return looks()


def _settle(
    device: DeviceSession,
    target: LookupTarget,
    result: LookupResult,
    looks: Callable[[], LookupResult],
    listen: Listener,
) -> tuple[LookupResult, FirstBootOutcome]:
    """Have the device judge what was seen, after a second look where there was nothing."""
    proven = False
    if not result.entries:
        pause = pause_before_second(device, target)
        listen(Step(f"No entry found; looking again in {pause} s"))
        time.sleep(pause)
        first, result = result, looks()
        # A key that showed the company's units the first time shows them the second time as well.
        proven = not result.entries and result.proven >= first.proven
    try:
        after = device.run_command(f"reconcile({as_argument(result.entries, target)}, {proven})")
        device.check_bound(after)
    except DeviceRaised:
        raise CloudDisagrees(
            "The cloud lists the device with a malformed deviceid.",
            "Nothing was changed. Ask the cloud's support about the entry.",
        ) from None
    return result, after


def _vouch(result: LookupResult, known: KnownUnits, ask: Ask) -> None:
    """Go on only if the list is known to be the right company's. Raises OutcomeUnknown."""
    if result.proven:
        return
    named = ", ".join(printable(serial) for serial in known.serials)
    seen = f"none of {named}" if named else "no unit known to belong to the same company"
    question = Confirmation(
        f"The cloud's list does not have the device, and {seen}. A READ key of another company "
        "would show just that, and the device would then be bound a second time.",
        SAME_COMPANY,
        "--same-company",
    )
    if not ask(question):
        raise OutcomeUnknown(
            f"The cloud's list does not have the device, and {seen}: the READ key may be another "
            "company's. The device stays unknown.",
            "Name a unit of the company: --known-serial SERIAL, or a ledger: --ledger. If "
            "you are sure of the key: --same-company.",
        )

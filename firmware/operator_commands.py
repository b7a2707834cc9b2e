"""What an operator may have a device do. A host sends this over the REPL; it is never stored.

The device decides by its own rules, the host only brings what it saw. Every command prints
events as a boot does and ends with `ready`. They are for a device that was stopped at its REPL,
never for one that may be timing.
"""

from startline.binding import Binding
from startline.device import Device
from startline.hal import Hal
from startline.net.device_list import DeviceSearch
from startline.nvs.zero_erased import zero_erased
from startline.record.rules import HELD, load_record
from startline.record.traces import wipe

if False:  # for mypy; a device has none of these
    from agent_types import AnyChip, JsonValue


def retry(hal: "AnyChip | None" = None) -> str:
    """Try what is undone, also what was refused or could not be looked up; return the state."""
    return _begin(hal)[0].retry()


def reconcile(
    entries: "list[tuple[JsonValue, JsonValue, JsonValue]]",
    proven: bool,
    hal: "AnyChip | None" = None,
) -> str:
    """Settle `unknown` by what the host saw in the cloud's list; return the state.

    `entries` are (token, mark, serial), as `ListReader` finds them, of whatever may be this
    device. `proven` says that two complete looks lay far enough apart, the second behind the
    deadline of the request (`due` of the record), with a key of the company that was asked, or
    that the operator vouches for it: only then does the absence of an entry make the device
    unbound. A damaged record tells no mark: any entry that may have this serial number may be
    ours, and leaves the device as it is.
    """
    device, binding = _begin(hal)
    damaged = device.reason == "record_damaged"
    if device.state == "unknown" and (damaged or device.reason not in HELD):
        mark = "" if damaged else "sl." + binding.record.attempt.hex()
        search = DeviceSearch(binding.cloud, device.identity.serial, mark)
        for token, text, serial in entries:
            seen = (token, "" if damaged else text, serial)
            search.entry(dict(zip(binding.cloud.LIST[1:], seen)))  # noqa: B905 - not here
        state, token, reason = search.verdict()
        if state == "bound":
            binding.bound(token)
        elif state == "unknown":
            if not damaged:
                binding.record.looks = 0
                binding.save(state, reason)
        elif proven:
            if damaged:
                binding.new_record()
            binding.record.looks = 0
            binding.save("unbound", "not_there")
    device.ready()
    return device.state


def adopt(token: str, hal: "AnyChip | None" = None) -> str:
    """Take a token for this device's own because its operator says so; return the state.

    A number is given as its digits. Raises ValueError for a device that is bound, has the record of
    a newer agent, or does not know its cloud, and for what can be no token of it.
    """
    device, binding = _begin(hal)
    if device.state == "bound":
        raise ValueError("the device is bound")
    if device.reason == "newer_record":
        raise ValueError("the record is of a newer agent")
    if device.identity.missing or not binding.cloud:
        raise ValueError("the device is not provisioned")
    token = token.strip()
    token = binding.cloud.canonical(token) or binding.cloud.canonical(token.encode())
    if not token:
        raise ValueError("this is no token")
    binding.new_record()
    binding.bound(token)
    device.ready()
    return device.state


def reset(hal: "AnyChip | None" = None) -> str:
    """Forget the binding: both copies of the record become blank; return the state after it.

    No trace of it may stay in `nvs`: what is left of a record is taken for a damaged one.
    """
    chip = (hal or Hal()).full()
    # The blob is last: a power cut before leaves a record that still says what it said, while
    # the sector of `bind` that is erased second may hold an older one.
    flash = chip.flash("bind")
    if flash:
        for sector in range(0, flash.size, 4096):
            flash.erase(sector)
    if chip.blob():
        nvs = chip.nvs("startline")
        try:
            nvs.erase_key("record")
        except OSError as error:
            if error.errno != -4354:  # damaged, and so not there for the driver
                raise
        nvs.commit()
        wipe(chip.flash("nvs"))
    device, _ = _begin(chip)
    device.ready()
    return device.state


def change(namespace: str, key: str, value: "str | int", hal: "AnyChip | None" = None) -> None:
    """Write a setting of `net` or `set` to `nvs`, where it stands before the factory's.

    Raises OSError where `nvs` does not take it.
    """
    nvs = (hal or Hal()).nvs(namespace)
    if isinstance(value, int):
        nvs.set_i32(key, value)
    else:
        nvs.set_blob(key, value.encode())
    nvs.commit()


def forget(names: list[tuple[str, str]], hal: "AnyChip | None" = None) -> None:
    """Take settings of `net` or `set`, as (namespace, key), out of `nvs`: the factory's stand again.

    What is erased stays readable in flash, a password too: so it is zeroed. Raises OSError where
    `nvs` does not take it, or has no such entry.
    """
    chip = hal or Hal()
    for namespace, key in names:
        nvs = chip.nvs(namespace)
        nvs.erase_key(key)
        nvs.commit()
    zero_erased(chip, chip.flash("nvs"))


def _begin(hal: "AnyChip | None") -> tuple[Device, Binding]:
    """Return device and binding, with identity and record as they stand.

    A device that does not know who it is stays `unprovisioned`, whatever its record says.
    """
    device = Device(hal or Hal())
    device.identify()
    binding = Binding(device)
    if not device.identity.missing:
        load_record(binding)
    return device, binding

"""What a run begins with: settings, roots, cloud and record, and whether there is all it takes.

It is done once, and forgotten then: a request and a look need the room.

Of each number that a device goes by the range stands here, one definition, for the device and its
host: (lowest, what a device goes by if it was told none, highest). The host refuses what lies
outside, the device takes the nearest that lies inside and says so.
"""

from .identity import open_reader, sha256
from .net.clock import MADE_AT
from .record.copies import blank
from .roles import find_cloud, report_missing

if False:  # for mypy; a device has none of these
    from agent_types import Binding, Device

# Seconds. With less for a boot, a try has not even the time to fail; with less between two looks,
# a cloud has not had the time to carry out a request whose answer was lost.
BOOT_LIMIT = (6, 90, 3600)
LOOK_PAUSE = (30, 60, 3600)


def prepare(binding: "Binding") -> None:
    """Read what a run goes by into `binding`."""
    device = binding.device
    identity = device.identity
    chip = binding.chip
    if "tls.ca0" not in identity.values:
        identity.read_namespaces(identity.reader or open_reader(chip), ("tls",))
    identity.reader = None  # all is read
    if identity.stock:
        device.emit("warning", {"what": "stock_table"})
    else:
        # Settings that were changed later stand before those of the factory.
        from .nvs import NvsEntries

        flash = chip.flash("nvs")
        names = NvsEntries(flash.read, flash.size).names.values()
        if "net" in names or "set" in names:
            from .nvs.reader import NvsReader

            identity.read_namespaces(NvsReader(flash.read, flash.size), ("net", "set"))
    values = identity.values
    binding.roots += [values.pop(name) for name in list(values) if name.startswith("tls.")]
    device.limit = binding.limit = limited(binding, "set.boot_limit", BOOT_LIMIT) * 1000
    binding.look_pause = limited(binding, "set.look_pause", LOOK_PAUSE)
    binding.made_at = limited(binding, "factory.made_at", MADE_AT)
    binding.wanted = 1 if identity.stock else 2
    binding.cloud = find_cloud(identity.cloud)
    if not binding.cloud:
        report_missing(device, "startline_" + identity.cloud)
    key = identity.text("claim.key") or identity.text("claim.auth")
    binding.key = sha256(key.encode()).digest()[:4]


def limited(binding: "Binding", name: str, limits: tuple[int, int, int]) -> int:
    """Return a setting that has a range; one that lies outside is changed, and told of."""
    value = binding.identity.values.get(name)
    if not isinstance(value, int):
        value = limits[1]
    nearest = clamp(value, limits)
    if nearest != value:
        binding.emit("warning", {"what": "out_of_range " + name})
    return nearest


def may_go_on(binding: "Binding", again: bool) -> bool:
    """Load the record; tell whether there is something to do, and all that it takes."""
    chip = binding.chip
    flash = chip.flash("bind")
    if chip.blob() or (flash and not blank(flash, 0, flash.size)):
        from .record.rules import needs_attempt

        if not needs_attempt(binding, again):
            return False
    else:
        binding.report_state("unbound", "", 0)
    device = binding.device
    names = missing_names(binding)
    if names:
        report_unprovisioned(device, names)
        if binding.record and binding.record.state == "unknown":
            device.state = "unknown"  # and stays so: what is missing only keeps it from looking
            device.reason = "cannot_look"
    elif binding.identity.damaged:
        binding.emit("warning", {"what": "damaged " + " ".join(binding.identity.damaged)})
    return not names


def clamp(value: int, limits: tuple[int, int, int]) -> int:
    """Return the number within `limits` that is next to `value`."""
    return min(max(value, limits[0]), limits[2])


def missing_names(binding: "Binding") -> list[str]:
    """Return the names of settings without which nothing can be asked: none, or none that fits."""
    identity = binding.identity
    names = [name for name in identity.damaged if name.startswith("tls.")]
    if not binding.cloud:
        names.append("claim.cloud")
    else:
        names += [name for name in binding.cloud.NEEDED if not identity.text(name)]
    url = identity.base_url
    if url.startswith("http:"):
        if identity.values.get("set.insecure_http") != 1:
            names.append("set.insecure_http")
    elif not url.startswith("https:"):
        names.append("claim.base_url")
    elif not binding.roots[1:]:
        names.append("tls.ca0")
    mac = identity.text("factory.mac").lower()
    for char in ":-. ":
        mac = mac.replace(char, "")
    if mac not in ("", identity.mac.hex()):
        names.append("factory.mac")  # this flash was made for another chip
    return names


def report_unprovisioned(device: "Device", names: list[str]) -> None:
    """Say which settings are missing; damaged ones are among those that are damaged as well."""
    device.state = "unprovisioned"
    device.reason = "missing " + names[0]
    device.emit("unprovisioned", {"missing": names, "damaged": device.identity.damaged})

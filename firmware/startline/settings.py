"""What a run begins with: settings, roots, cloud and record, and whether there is all it takes.

It is done once, and forgotten then: a request and a look need the room.
"""

from .clouds import find
from .identity import number, open_reader, sha256
from .limits import BOOT_LIMIT, LOOK_PAUSE, MADE_AT, clamp
from .record.copies import blank


def prepare(binding) -> None:
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
    binding.roots = [values.pop(name) for name in list(values) if name.startswith("tls.")]
    device.limit = binding.limit = limited(binding, "set.boot_limit", BOOT_LIMIT) * 1000
    binding.look_pause = limited(binding, "set.look_pause", LOOK_PAUSE)
    binding.made_at = limited(binding, "factory.made_at", MADE_AT)
    binding.wanted = 1 if identity.stock else 2
    binding.cloud = find(identity.cloud)
    if not binding.cloud:
        from .roles import report_missing

        report_missing(device, "startline_" + identity.cloud)
    key = identity.text("claim.key") or identity.text("claim.auth")
    binding.key = sha256(key.encode()).digest()[:4]


def limited(binding, name: str, limits: tuple) -> int:
    """Return a setting that has a range; one that lies outside is changed, and told of."""
    value = number(binding.identity, name, limits[1])
    nearest = clamp(value, limits)
    if nearest != value:
        binding.emit("warning", {"what": "out_of_range " + name})
    return nearest


def may_go_on(binding, again: bool) -> bool:
    """Load the record; tell whether there is something to do, and all that it takes."""
    chip = binding.chip
    flash = chip.flash("bind")
    if chip.blob() or (flash and not blank(flash, 0, flash.size)):
        from .record.load import needs_attempt

        if not needs_attempt(binding, again):
            return False
    else:
        binding.report_state("unbound", "", 0)
    identity = binding.identity
    if (
        identity.damaged
        or identity.text("factory.mac") not in ("", identity.mac.hex(":"))
        or not (binding.cloud and binding.roots and identity.text("claim.key"))
        or not identity.base_url.startswith("https:")
    ):
        from .settings_check import missing_settings

        return not missing_settings(binding)
    return True

"""What a run begins with: settings, roots, cloud and record, and whether there is all it takes.

It is done once, and forgotten then: a request and a look need the room.
"""

from hashlib import sha256

from .clouds import find
from .identity import Identity, number
from .limits import BOOT_LIMIT, LOOK_PAUSE, MADE_AT, clamp
from .written import blank


def prepare(binding) -> None:
    """Read what a run goes by into `binding`."""
    device = binding.device
    who = device.identity
    chip = binding.chip
    if "tls.ca0" not in who.values:
        who.take(who.reader or Identity(chip).reader, ("tls",))
    who.reader = None  # all is read
    if who.stock:
        device.tell("warning", {"what": "stock_table"})
    else:
        # Settings that were changed later stand before those of the factory.
        from .entries import Entries

        flash = chip.flash("nvs")
        names = Entries(flash.read, flash.size).names.values()
        if "net" in names or "set" in names:
            from .nvs import NvsReader

            who.take(NvsReader(flash.read, flash.size), ("net", "set"))
    values = who.values
    binding.roots = [values.pop(name) for name in list(values) if name.startswith("tls.")]
    device.limit = binding.limit = limited(binding, "set.boot_limit", BOOT_LIMIT) * 1000
    binding.look_pause = limited(binding, "set.look_pause", LOOK_PAUSE)
    binding.made_at = limited(binding, "factory.made_at", MADE_AT)
    binding.wanted = 1 if who.stock else 2
    binding.cloud = find(who.cloud)
    key = who.text("claim.key") or who.text("claim.auth")
    binding.key = sha256(key.encode()).digest()[:4]


def limited(binding, name: str, limits: tuple) -> int:
    """Return a setting that has a range; one that lies outside is changed, and told of."""
    value = number(binding.who, name, limits[1])
    fit = clamp(value, limits)
    if fit != value:
        binding.tell("warning", {"what": "out_of_range " + name})
    return fit


def may_go_on(binding, again: bool) -> bool:
    """Load the record; tell whether there is something to do, and all that it takes."""
    chip = binding.chip
    flash = chip.flash("bind")
    if chip.blob() or (flash and not blank(flash, 0, flash.size)):
        from .resume import resume

        if not resume(binding, again):
            return False
    else:
        binding.show("unbound", "", 0)
    who = binding.who
    if (
        who.damaged
        or who.text("factory.mac") not in ("", who.mac.hex(":"))
        or not (binding.cloud and binding.roots and who.text("claim.key"))
        or not who.base_url.startswith("https:")
    ):
        from .trouble import lacking

        return not lacking(binding)
    return True

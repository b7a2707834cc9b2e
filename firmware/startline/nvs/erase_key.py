"""Taking the key (or the Authorization value) that binds off the flash, once it has done so.

First its bytes are programmed to zero, last the entry is marked as erased, the way NVS does it:
a boot that finds the entry still there knows that power failed in between, and does it again.
"""

from . import NvsEntries

if False:  # for mypy; a device has none of these
    from agent_types import Device, WritableFlash


def erase_key(device: "Device") -> None:
    """Wipe it where it stands; say whether that succeeded."""
    chip = device.hal.full()
    identity = device.identity
    flash = chip.flash("nvs" if identity.stock else "fctry")
    done = True
    try:
        for namespace, key, place in NvsEntries(flash.read, flash.size):
            if namespace == "claim" and key in ("key", "auth"):
                offset, head = place
                size = 32 * (head[2] - 1)
                flash.program(offset + 32, bytes(size))
                done = done and not any(flash.read(offset + 32, size))
                if not identity.stock:
                    _mark_erased(flash, offset, head[2])
        if identity.stock:
            from .zero_erased import zero_erased

            zero_erased(chip, flash)
    except OSError:
        done = False
    device.emit("scrub", {"done": done})


def _mark_erased(flash: "WritableFlash", offset: int, span: int) -> None:
    """Mark entries as erased: two bits each, in the second 32 bytes of their page."""
    page = offset & -4096
    states = bytearray(flash.read(page + 32, 32))
    first = (offset - page) // 32 - 2
    for index in range(first, first + span):
        states[index >> 2] &= 0xFF ^ 3 << (index & 3) * 2
    flash.program(page + 32, states)
    flash.program(offset, bytes(32))

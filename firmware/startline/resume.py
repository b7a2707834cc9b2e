"""What an earlier boot left behind: the record's copies, judged, and whether to go on."""

from .record import ABSENT, bind_copy, judge, sort
from .written import save

# What a look cannot settle: the record is not ours to go by, or an operator has to decide.
HELD = ("newer_record", "record_damaged", "copies_differ", "foreign_record")


def load(binding) -> None:
    """Take state, reason and token from what the copies of the record say, and mend a copy."""
    chip = binding.chip
    flash = chip.flash("bind")
    first = sort(chip.blob())
    second = bind_copy(flash) if flash else ABSENT
    state, reason, record, repair = judge(first, second, binding.who)
    binding.record = record
    good = 0
    if repair:
        if not isinstance(first, str) and not isinstance(second, str):
            # Where both can be read, the one that is written anew has to be the newer.
            record.generation = record.generation + 1 & 0xFFFFFFFF
        good = save(chip, record)
    elif record:
        good = 2 - isinstance(first, str) - isinstance(second, str)
    binding.show(state, reason, good)


def resume(binding, again: bool) -> bool:
    """Load the record; tell whether there is something to do about it."""
    load(binding)
    device = binding.device
    record = binding.record
    if device.state == "bound":
        device.scrub()
        return False
    if device.state == "refused":
        return again or record.key != binding.key or binding.chip.powered_on()
    if device.state == "unknown":
        told = ("serial_taken", "doubled", "cannot_look", "other_key")
        return device.reason not in HELD and (again or device.reason not in told)
    return True

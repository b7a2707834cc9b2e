"""What an earlier boot left behind: the record's copies, judged, and whether to go on."""

from . import generation, later, newest
from .copies import save
from .rules import ABSENT, BLANK, DAMAGED, Record, classify, read_copies, resolve_copies

# What a look cannot settle: the record is not ours to go by, or an operator has to decide.
HELD = ("newer_record", "record_damaged", "copies_differ", "foreign_record")


def load_record(binding) -> None:
    """Take state, reason and token from what the copies of the record say, and mend a copy."""
    chip = binding.chip
    flash = chip.flash("bind")
    raw = chip.blob()
    first, second = read_copies(raw, chip.flash("nvs"), flash)
    state, reason, record, repair = resolve_copies(first, second, binding.identity)
    binding.record = record
    readable = 2 - isinstance(first, str) - isinstance(second, str)
    good = readable
    # Whatever is written next has to be the newest, also behind a slot that does not count.
    latest = newest(flash)[0] if flash else b""
    number = binding.generation = record.generation if record else 0
    if latest and (not record or later(generation(latest), number)):
        binding.generation = generation(latest)
    salvaged = record and classify(raw) == DAMAGED and isinstance(first, Record)
    if repair or salvaged:
        if salvaged or readable > 1:
            # Where both can be read, the one that is written anew has to be the newer.
            record.generation = binding.generation = binding.generation + 1 & 0xFFFFFFFF
        good = save(chip, record)
    elif reason == "record_damaged" and second in (ABSENT, BLANK):
        # NVS erases with its page, one day, what shows that there was a record: this does not go.
        binding.new_record().key = b""
        binding.save(state, reason)
        return
    binding.report_state(state, reason, good)


def needs_attempt(binding, again: bool) -> bool:
    """Load the record; tell whether there is something to do about it."""
    load_record(binding)
    device = binding.device
    record = binding.record
    if device.state == "bound":
        device.erase_claim_key()
        return False
    if device.state == "refused":
        return again or record.key != binding.key or binding.chip.powered_on()
    if device.state == "unknown":
        told = ("serial_taken", "doubled", "cannot_look", "other_key")
        return device.reason not in HELD and (again or device.reason not in told)
    return True

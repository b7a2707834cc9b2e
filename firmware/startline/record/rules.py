"""Reading the record of a device's binding, the rules by which its copies are judged, and what follows.

`copies` has the format.
"""

from . import SIZE, generation, intact, later, newest, texts, unpack_from
from .copies import FORMAT, STATES, Record, save

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Binding, Owner, ReadableFlash

# What a copy can be other than a Record.
ABSENT = "absent"  # the device has no such partition
BLANK = "blank"
DAMAGED = "damaged"
NEWER = "newer"  # written by a later agent

# What a look cannot settle: the record is not ours to go by, or an operator has to decide.
HELD = ("newer_record", "record_damaged", "copies_differ", "foreign_record")


def unpack(raw: bytes) -> Record:
    """Return the record at the start of `raw`.

    Raises ValueError: "newer" for an intact record of a later schema, else "damaged".
    """
    raw = intact(raw)
    if raw and raw[4] > 1:
        raise ValueError(NEWER)
    found = texts(raw) if raw else ()
    if len(found) != 4 or raw[5] >= len(STATES):
        raise ValueError(DAMAGED)
    record = Record()
    (
        _, _, state, _, record.generation, record.place, record.mac, record.key, record.attempt,
        record.status, record.looks, _, record.due, record.looked,
    ) = unpack_from(FORMAT, raw)  # fmt: skip
    record.state = STATES[state]
    record.cloud, record.serial, record.token, record.reason = found
    return record


def classify(raw: bytes) -> "Record | str":
    """Return what a copy's bytes are: a Record, BLANK, NEWER or DAMAGED."""
    if raw == b"\xff" * len(raw):
        return BLANK
    try:
        return unpack(raw)
    except ValueError as error:
        return NEWER if NEWER in error.args else DAMAGED


def read_copies(
    raw: bytes, nvs: "ReadableFlash | None", bind: "ReadableFlash | None"
) -> "tuple[Record | str, Record | str]":
    """Return what the copies in `nvs`, whose blob is `raw`, and in `bind` are, as `classify` does.

    Without a partition `bind` the second is ABSENT. If neither can be read, the first is what is
    left of it in `nvs`.
    """
    first = classify(raw)
    second = bind_copy(bind, first) if bind else ABSENT
    if first == DAMAGED and isinstance(second, str) and nvs:
        from .traces import salvage

        first = classify(salvage(nvs) or raw)
    return first, second


def bind_copy(flash: "ReadableFlash", other: "Record | str" = ABSENT) -> "Record | str":
    """Return what the partition `bind` is, by its newest slot, as `classify` does.

    Where that slot is damaged, an older one counts only beside an `other` copy, in `nvs`, that is
    a record: it is written first, so that nothing was sent by a slot that is later than it.
    """
    raw, at = newest(flash)
    if not raw:
        return BLANK if _unused(flash, 0, flash.size) else DAMAGED
    if isinstance(other, Record) or _is_last(flash, at):
        return classify(raw)
    return DAMAGED


def _is_last(flash: "ReadableFlash", at: int) -> bool:
    """Tell whether nothing can have been written behind the intact slot at `at`."""
    end = (at & -4096) + 4096
    if at + SIZE < end:
        return _unused(flash, at + SIZE, end)
    # The log goes on in the other sector, which is erased first: older records are still there,
    # or nothing is.
    at = end % flash.size
    older = [intact(flash.read(slot, SIZE)) for slot in range(at, at + 4096, SIZE)]
    return any(older) or _unused(flash, at, at + 4096)


def _unused(flash: "ReadableFlash", start: int, stop: int) -> bool:
    """Tell whether no slot from `start` to `stop` was written: a bit that fell makes no record."""
    for offset in range(start, stop, SIZE):
        fallen = int.from_bytes(flash.read(offset, SIZE), "little") ^ (1 << 8 * SIZE) - 1
        if fallen & fallen - 1:
            return False
    return True


def resolve_copies(
    copy_a: "Record | str", copy_b: "Record | str", identity: "Owner"
) -> "tuple[str, str, Record | None, bool]":
    """Return (state, reason, the Record that rules or None, whether a copy needs repair).

    A copy is what `classify` returns, or ABSENT. `identity` has serial, cloud, mac and place as a
    record has them: one that belongs to another device or cloud never counts as ours.
    """
    copies = (copy_a, copy_b)
    good = [copy for copy in copies if isinstance(copy, Record)]
    if NEWER in copies:
        return "unknown", "newer_record", None, False
    if not good:
        if DAMAGED in copies:
            return "unknown", "record_damaged", None, False
        return "unbound", "", None, False
    best, other = good[0], good[-1]
    repair = len(good) < 2 and ABSENT not in copies
    if best.generation != other.generation:
        repair = True
        if later(other.generation, best.generation):
            best = other
    elif best.__dict__ != other.__dict__:
        repair = True
        ours = [one for one in good if one.state == "bound" and belongs(one, identity)]
        if len(ours) != 1:
            return "unknown", "copies_differ", best, False
        best = ours[0]
    if not belongs(best, identity):
        return "unknown", "foreign_record", best, False
    return best.state, best.reason, best, repair


def belongs(record: Record, identity: "Owner") -> bool:
    """Tell whether a record is that of this very device, bound or binding to this very cloud."""
    for name in ("serial", "cloud", "mac", "place"):
        if getattr(record, name) != getattr(identity, name):
            return False
    return True


def load_record(binding: "Binding") -> None:
    """Take state, reason and token from what the copies of the record say, and mend a copy."""
    chip = binding.chip
    flash = chip.flash("bind")
    raw = chip.blob()
    first, second = read_copies(raw, chip.flash("nvs"), flash)
    record: Any
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


def needs_attempt(binding: "Binding", again: bool) -> bool:
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

"""The JSON Schema of every line that `--json` prints, made from the classes that are printed."""

from __future__ import annotations

from typing import Any

import msgspec

from startline_host.cli import results
from startline_host.json_output import (
    ErrorLine,
    EventLine,
    ProgressLine,
)

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

#: What a field means, wherever it stands. One of a single verb can say it where it is declared,
#: by `msgspec.Meta(description=...)`.
FIELDS: dict[str, str] = {
    "address": "with --try: the address that the device was given",
    "agent": "version of the agent on the device",
    "agrees": "whether the cloud agrees with the ledger or journal; null where they were not compared",
    "alike": "units that ledger and cloud have alike",
    "aside": "passings that are set aside and not sent",
    "asked": "whether the device was interrupted for it",
    "at_cloud": "passings that the cloud has",
    "bad": "what must not be, by its name: all 0 where the day went well",
    "batch": "units of the batch by state",
    "boards": "board profiles, as in board.toml",
    "bytes_same": "bytes that the device had already",
    "bytes_sent": "bytes sent over the serial line",
    "cases": "with --list: each case and what it tests",
    "chip": "the chip, as esptool names it",
    "compared": "passings that the journal and the cloud both have",
    "count": "how many rows, or passings",
    "counts": "how many, by state or verdict",
    "damage": "numbers that a damaged sector has lost, one stretch each",
    "dark": "passings that nobody saw: their reader had no power, or was starting",
    "delay_p50": "seconds from antenna to cloud that half of the passings took at most",
    "delay_p99": "the same for 99 in 100",
    "deviceid": "the id that the cloud gave the device; empty without one",
    "done": "bytes so far",
    "ends": "boards by how the work on them ended",
    "erased": "passings that were in the journal",
    "exit_code": "what the command ends with",
    "faults": "faults by name",
    "fields": "what belongs to the event",
    "file": "path of the file that was written; empty without one",
    "files": "files written, or how many",
    "findings": "what was found, one object each",
    "first": "number of the oldest passing that the journal can hold",
    "first_boot_ms": "milliseconds from power-on to ready",
    "first_time_share": "share of the finished units that passed at the first attempt",
    "found": "all that the flash holds: table, images, identity, record; secrets are masked",
    "full": "how much of the journal cannot be reused, in percent",
    "has_claim_key": "whether the device still has the key that binds",
    "heard": "lines and events that the device printed by itself",
    "hint": "what to do next; empty without one",
    "history": "events of the ledger, one object each",
    "in_flight": "passings that were on the wire from module to reader when the power went",
    "interrupted": "what ended the run early: Ctrl-C or SIGTERM; otherwise empty",
    "kept_identity": "whether the identity on the device was left as it was",
    "keys": "keys of the mock cloud",
    "kind": "event, progress, result or error",
    "labels": "how many labels",
    "last": "number of the newest passing; one below `first` for none",
    "level": "step: begins; remark: found or done; warning; transfer: bytes on the wire",
    "lines": "lines of text that the device printed",
    "listed": "entries in the cloud's list",
    "lost": "passings among them that were not at the cloud",
    "mac": "MAC address of the chip",
    "manifest": "what was built; also written to manifest.json",
    "message": "what went wrong, in one sentence",
    "micropython": "MicroPython's version on the device",
    "ms": "milliseconds since the device booted; null where it is no event of a device",
    "n": "the device's own number of the event; null where it is no event of a device",
    "name": "the event; those of a device are listed under States, reasons, events",
    "next": "what to do next",
    "others": "passings that another device has stored in this journal",
    "out": "folder of the files",
    "passed": "whether every case passed, or a race day lost, doubled and invented nothing",
    "passed_share": "share of the finished units that passed",
    "passings": "passings, one object each",
    "ports": "serial ports, one object each",
    "reason": "why the state is what it is; empty without one",
    "reasons": "failed boards by reason",
    "removed": "files removed from the device",
    "result": "what was found before the failure, as in a result; null where nothing was",
    "rows": "rows of the export, empty where they went to a file; of resend the numbers `first` to `last`",
    "running": "MicroPython's version that answered; empty where none did",
    "schema": "version of this format",
    "seconds": "how long it took",
    "seed": "what the day was made up from",
    "sent": "passings that the cloud has counted, or that were let go of",
    "serial": "serial number",
    "sessions": "sessions, one object each",
    "sessions_lost": "timing sessions deleted at the cloud; null where it did not say",
    "source": "what it is about: the device, its console, the verb's work; a port or file",
    "state": "unprovisioned, unbound, unknown, bound or refused",
    "steps": "what would be done, in its order, one object each: action, what, size in bytes, why",
    "stored": "passings ever stored",
    "taken_back": "settings for which the factory's apply again",
    "text": "what is being done, for a person",
    "total": "bytes in all",
    "undated": "passings whose time is not known",
    "unjudged": "passings at the cloud that the journal cannot have any more",
    "unit": "the unit, all columns of the ledger",
    "units": "units, all columns of the ledger each",
    "unsure": "passings that may be at the cloud",
    "verb": "the verb, such as `ledger list`",
    "verified": "whether the cloud's list, or with --try its certificate, was checked and fits",
    "via": "prompt, boot loader or dump",
    "waiting": "passings that are not done with, unsure ones among them",
    "was": "the state before",
    "whole": "whether everything that a bound device needs is there",
    "worst_error_ms": "the time that is furthest off, in milliseconds",
    "written": "what was written",
    "entire": "whether the whole journal was read; otherwise `sessions` has those that are not done "
    "with, and damage and other readers' passings are not known",
    "events": "events that the device printed",
    "zone": "time zone of the local times",
}  # fmt: skip


def schema() -> dict[str, Any]:
    """Return the schema that each line of each verb fulfils."""
    kinds = [EventLine, ProgressLine, ErrorLine]
    kinds += dict.fromkeys([*results.DRY_RUNS.values(), *results.RESULTS.values()])
    _, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for part in parts.values():
        # Every field is always printed, also where it has a default.
        part["required"] = list(part["properties"])
        part["additionalProperties"] = False
        for name, field in part["properties"].items():
            field.pop("default", None)
            field["description"] = field.get("description") or FIELDS[name]
    for by_verb in (results.RESULTS, results.DRY_RUNS):
        for kind in by_verb.values():
            verbs = [verb for verb, one in by_verb.items() if one is kind]
            parts[kind.__name__]["properties"]["verb"]["enum"] = verbs
    return {
        "$schema": _DRAFT,
        "title": "A line that startline prints with --json",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in parts],
        "$defs": parts,
    }

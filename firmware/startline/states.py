"""What a device says and what it is told: the one list of both, for both ends.

A device imports nothing of this, since names cost memory there and it uses each where it stands;
the host goes by it, and the tests hold the agent's sources, and what it prints, against it.
"""

# What becomes of a binding; the record in flash knows all but the first.
STATES = ("unprovisioned", "unbound", "unknown", "bound", "refused")

# Console events by name, with the fields that each may have besides `ev`, `n`, `ms` and `crc`. One
# that would be too long has the field `cut` in place of all its own.
EVENTS = {
    "boot": ("version",),
    "unprovisioned": ("missing", "damaged"),
    "identity": ("serial", "model", "mac", "cloud", "base_url"),
    "warning": ("what",),
    "record": ("state", "reason", "generation", "copies"),
    "link": ("kind", "phase", "address"),
    "clock": ("phase",),
    "tls": ("phase",),
    "attempt": ("id", "try"),
    "answer": ("status", "outcome", "reason"),
    "look": ("outcome", "reason", "entry", "deviceid"),
    "wait": ("next_ms", "reason"),
    "failed": ("step", "reason", "next_ms"),
    "rest": ("reason", "next_ms"),
    "scrub": ("done",),
    "ready": ("state", "reason", "token", "serial"),
}

# Those that the race role has besides, which only a reader that times can say.
RACE_EVENTS = {
    "race": (
        "session", "sending", "stored", "sent", "waiting", "unsure", "aside", "clock", "error_ms",
        "full", "reason",
    ),
    "race_clock": ("server", "reason", "step_ms"),
    "race_session": ("state", "alias", "token"),
    "race_lookup": ("first", "last", "there"),
    "race_failed": ("step", "reason", "next_ms"),
    "race_stopped": ("reason",),
    "race_aside": ("first", "last", "reason", "status"),
    "race_damaged": ("first", "last", "missing"),
    "race_warning": ("what", "reason", "sent", "counted"),
}  # fmt: skip

# Why a race sends nothing, in `race` and `race_stopped`; besides these, a step that failed with its
# reason, "%" for what the cloud says.
RACE_REASONS = (
    "idle", "no_session", "no_passings", "not_bound", "no_key", "no_time", "journal_full", "forbidden",
    "device_not_found", "session_refused %", "too_many_aside", "closed_again", "bug %",
)  # fmt: skip

# What becomes of a session in the cloud: `race_session` has one of these for its state.
RACE_SESSION_STATES = (
    "open", "found", "closed", "gone", "asked_again", "closed_elsewhere", "recovered",
)  # fmt: skip

# What `race_clock` may have for a reason, besides those of the steps `link` and `clock`, and an
# exception's kind.
RACE_CLOCK_REASONS = (
    "no_answer", "unreachable", "replayed", "kiss %", "unsynchronised", "absurd", "servers_differ",
    "one_server",
)  # fmt: skip

# What `race_warning` says, and why passings are set aside without a status.
RACE_WARNINGS = ("not_counted", "refused", "journal_%_percent", "no_live_port")
RACE_ASIDE_REASONS = ("undated",)

# Steps that can fail, as `failed` names them, with the reasons that each may have. "%" stands for
# a number or a word that is not ours: a status, an errno's name, an exception's kind.
STEPS = {
    "identity": ("bug %",),
    "link": (
        "no_ssid", "no_role", "no_radio", "no_such_network", "wrong_password", "timeout", "no_address",
        "wifi %", "no_host",
    ),
    "clock": ("no_time", "clock_before_made_at", "clock_in_the_future"),
    "dns": ("not_found", "timeout", "garbage", "no_memory", "bug %"),
    "connect": ("timeout", "e%", "error %", "garbage", "no_memory", "bug %"),
    "tls": (
        "unknown_ca", "wrong_host", "expired", "not_yet_valid", "weak", "wrong_usage", "version",
        "not_tls", "alert %", "handshake", "no_memory", "timeout", "cut", "e%", "error %",
    ),
    "storage": ("unwritten", "e%", "error %", "garbage", "no_memory", "bug %"),
    "request": ("too_long",),
    "answer": (
        "cut", "timeout", "garbage", "redirect", "no_memory", "status %", "e%", "error %", "bug %",
        "list_changed", "list_incomplete", "list_endless",
    ),
}  # fmt: skip

# Why a record is as it is, besides the cloud's own words, "status %" where it has none, and the
# reasons of the step `answer`.
RECORD_REASONS = (
    "asked",
    "not_there",
    "serial_taken",
    "doubled",
    "unclear_entry",
    "unfit_token",
    "no_token",
    "two_tokens",
    "web_page",
    "gzip",
    "cannot_look",
    "other_key",
    "newer_record",
    "record_damaged",
    "copies_differ",
    "foreign_record",
)

# What `wait` and `rest` may have for a reason.
WAIT_REASONS = ("retry_after",)
REST_REASONS = ("boot_limit", "request_limit", "wear_limit")

# What `warning` may say; "%" stands for names of settings.
WARNINGS = (
    "stock_table",
    "insecure_http",
    "one_copy",
    "read_write_key",
    "led",
    "no_role %",
    "damaged %",
    "out_of_range %",
)

# Settings by "namespace.key", as the host writes them, with their kind. Of `claim` those that more
# than one cloud has: the others stand in their cloud's file on the host.
SETTINGS = {
    "factory.serial": "text",
    "factory.model": "text",
    "factory.type": "text",
    "factory.alias": "text",
    "factory.hw_rev": "text",
    "factory.mac": "text",
    "factory.made_at": "number",
    "claim.cloud": "text",
    "claim.base_url": "text",
    "claim.key": "secret",
    "claim.auth": "secret",
    "run.key": "secret",
    "net.link": "text",
    "net.ssid": "text",
    "net.password": "secret",
    "net.ntp": "text",
    "tls.ca0": "certificate",
    "tls.ca1": "certificate",
    "set.insecure_http": "switch",
    "set.mark": "switch",
    "set.boot_limit": "number",
    "set.look_pause": "number",
    "set.led": "number",
    "set.improv": "switch",
    "race.dead_time": "number",
    "race.best": "switch",
    "race.batch": "number",
    "race.mark": "switch",
    "race.console": "switch",
    "race.port": "number",
    "race.servers": "text",
}

# Of these, what the agent itself does not read: they are there for the reader's own code.
FOR_THE_APP = ("factory.hw_rev",)

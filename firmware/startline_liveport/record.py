"""A passing as a line of the live port: the fields of a decoder's passing record from version 1.6 on."""

from startline_online.utc_text import timestamp

if False:  # for mypy; a device has none of these
    from agent_types import Passing

    from .client import PortClient


def record(client: "PortClient", passing: "Passing") -> str:
    """Return a passing's record: number, bib or chip, date, time, event, hits, RSSI, and so on.

    Times are UTC. What a reader of this kind does not have is left empty: internal data, loop,
    wake-up counter, battery, temperature; and the RSSI, which is on a scale of the vendor's.
    """
    serial = plain(client.race.device.serial)
    antenna = _known(passing.antenna)
    return "%d;%s;%s;0;%s;;;0;%s;;;;;;;%s;%d;%s;%s" % (
        passing.number - client.base + 1,
        plain(passing.bib or passing.chip),
        time_of(client.cursor.utc_ms(passing), passing.time_us),
        _known(passing.hits),
        antenna,
        serial,
        client.file,
        antenna,
        serial,
    )


def time_of(utc_ms: int, boot_us: int) -> str:
    """Return date and time; where UTC is not known (0), days and time since the reader's boot."""
    if utc_ms:
        return timestamp(utc_ms)[:-1].replace("T", ";")
    seconds, us = divmod(boot_us, 1000000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return "0000-00-%02d;%02d:%02d:%02d.%03d" % (days, hours, minutes, seconds, us // 1000)


def plain(text: str) -> str:
    """Return a text that no separator and no other alphabet stands in."""
    return "".join([char if " " <= char < "\x7f" and char != ";" else "?" for char in text])


def _known(value: object) -> str:
    return "" if value is None else str(value)

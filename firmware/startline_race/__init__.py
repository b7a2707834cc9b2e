"""Startline's race role: passings that are stored when the call returns, and sent once."""

import gc
import sys

if False:  # for mypy; a device has none of these
    from collections.abc import Iterator

    from agent_types import Device, Helper, Race

races: "list[Race]" = []  # the one that runs, for whoever comes to the prompt


def is_open(device: "Device") -> bool:
    """Tell, reading only, whether a device's journal has a session that was not closed."""
    from .journal import Journal
    from .progress import Progress
    from .settings import owner_of

    flash = device.hal.full().flash("race")
    if not flash:
        return False
    journal = Journal(flash, owner_of(device.identity))
    journal.open()
    progress = Progress(journal)
    progress.load()
    if not progress.opened:  # what comes now may be no race, and has a use for the heap
        for name in ("startline_race.race", "startline_online"):
            sys.modules.pop(name, None)
        globals().pop("race", None)
    return progress.opened


def start(device: "Device") -> "Race":
    """Return the race of a device, a `race.Race`. Raises RaceUnavailable."""
    gc.collect()  # what comes now stays long, and has to lie close together
    from .race import Race

    race = Race(device)
    race.helpers = list(_helpers(race))
    races[:] = [race]
    return race


def _helpers(race: "Race") -> "Iterator[Helper]":
    """Yield what is done beside sending, by roles of their own where they are there."""
    if race.settings.console:
        try:
            from startline_console import start as listen

            yield listen(race)
        except (ImportError, AttributeError, OSError):
            pass  # no such role, or no console that can be read
    if race.settings.port:
        from startline.roles import load_role

        role = load_role(race.device, "startline_liveport")
        if role:
            yield role.start(race)

"""Startline's race role: passings that are stored when the call returns, and sent once."""


def start(device):
    """Return the race of a device, a `race.Race`. Raises RaceUnavailable."""
    from .race import Race

    return Race(device)

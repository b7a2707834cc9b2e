"""A picture that is drawn anew in its place, on a terminal that writes what is typed behind it."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.constrain import Constrain

#: Columns of `^C`, typed twice.
_ECHO = 4


def with_room_for_echo(below: RenderableType, console: Console) -> RenderableType:
    """Return the lower end of a picture with room for a Ctrl-C behind its last line.

    A line that runs over for it would move the picture: its first line then stays behind when it is
    drawn anew.
    """
    return Constrain(below, max(1, console.width - _ECHO))

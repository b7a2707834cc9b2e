"""What the tests of flows take from those of the formats that they are made of."""

from tests.formats.conftest import (
    board,
    ca_der,
    firmware,
    merged,
    micropython,
    mount,
    settings,
    unit,
)

__all__ = ["board", "ca_der", "firmware", "merged", "micropython", "mount", "settings", "unit"]

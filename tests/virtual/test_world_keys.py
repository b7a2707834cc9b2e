"""The documented keys of a world file are those that the chip reads."""

from __future__ import annotations

import re
from pathlib import Path

from startline_host.virtual import world_keys

_RUNTIME = Path(world_keys.__file__).parent / "runtime"


def test_every_key_that_is_read_is_documented_and_no_other() -> None:
    """`runtime/world.py` asks for just the keys of the table."""
    source = (_RUNTIME / "world.py").read_text()
    read = set(re.findall(r"(?:_load\(\)|\bnow)\.get\(\s*\"(\w+)\"", source))
    assert read == set(world_keys.WORLD_KEYS)


def test_every_key_of_an_access_point_is_documented_and_no_other() -> None:
    """Whatever looks at an access point asks it for just the keys of its table."""
    sources = "".join(path.read_text() for path in _RUNTIME.rglob("*.py"))
    read = set(re.findall(r"(?:\bpoint|known\[name\])\.get\(\"(\w+)\"", sources))
    assert read == set(world_keys.ACCESS_POINT_KEYS)

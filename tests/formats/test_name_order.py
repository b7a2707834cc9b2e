"""Names that are used most, numbered first: what that saves, and that a module does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from startline_host.formats.bytecode import compile_source
from startline_host.formats.name_order import frequent_names_first
from tests.firmware.harness import run_micropython

if TYPE_CHECKING:
    from pathlib import Path

_MANY = "".join(f"def f{number}():\n    return 'v{number}'\n" for number in range(90))
_OFTEN = "class Last:\n    often = 1\ndef sums():\n    one = Last()\n    return " + " + ".join(
    ["one.often"] * 50
)


def test_few_names_stay_as_they_are() -> None:
    """Where each has a number of one byte anyway, nothing is put before a module."""
    assert frequent_names_first("a = 1\n") == "a = 1\n"


def test_a_name_that_is_used_often_has_a_short_number(tmp_path: Path) -> None:
    """Fifty uses of the last of many names take a byte less each; the module does what it did."""
    source = _MANY + _OFTEN
    plain = compile_source(source.encode(), "module")
    better = compile_source(frequent_names_first(source).encode(), "module")
    assert len(plain) - len(better) > 40
    (tmp_path / "module.mpy").write_bytes(better)
    program = f"import sys; sys.path[:] = [{str(tmp_path)!r}]; import module as m"
    said = run_micropython("-c", f"{program}; print(m.sums(), m.f89())")
    assert said == "50 v89\n"

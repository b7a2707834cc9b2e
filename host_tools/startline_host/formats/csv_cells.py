"""Cells of a CSV that no spreadsheet takes for a formula."""

from __future__ import annotations

import re

#: What makes a spreadsheet take a cell for a formula, also after what another country's
#: spreadsheet takes for the end of a cell. The wide forms count in East Asian ones.
_FORMULA = re.compile(r"""(^|[,;|\t\r\n"'])(\s*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])""")


def escape_formula(value: object) -> str:
    """Return a cell's text with an apostrophe wherever a spreadsheet could see a formula begin."""
    if value is None:
        return ""
    return _FORMULA.sub(r"\1\2'", str(value))

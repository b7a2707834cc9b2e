"""Reports as one HTML page each that needs nothing else: what they share, and what draws them.

A report is a template beside the module that reckons its figures, and extends `base.html` here.
Its names are paths in the package `startline_host`. Jinja2 escapes all that is put into one, so
what a device, a cloud or an operator said stays text.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **facts: object) -> bytes:
    """Return the page of a template, UTF-8.

    Raises jinja2.UndefinedError for a fact that the template wants and nobody gave.
    """
    return _templates().get_template(template).render(facts).encode()


@cache
def _templates() -> Environment:
    # Late: a plain installation does without it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("startline_host", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

"""What a test does without a program or a package that it needs: one rule for all of them."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def skip_outside_ci(why: object) -> NoReturn:
    """Skip the test; in continuous integration it fails instead: there all can be had."""
    if os.environ.get("CI"):
        pytest.fail(str(why))
    pytest.skip(str(why))

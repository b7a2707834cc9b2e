"""A pytest plugin: hypothesis draws the same examples for every mutant, and simplifies none."""

from __future__ import annotations

from hypothesis import Phase, settings


def pytest_configure() -> None:
    """Load the profile, once hypothesis has its own."""
    settings.register_profile(
        "mutants", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
    )
    settings.load_profile("mutants")

"""The bench computer's half of Startline: load, watch and prove a timing reader."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """Return `__version__`: the agent's, since the two are published as one."""
    if name == "__version__":
        from startline import __version__

        return __version__
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The mock's RUFUS cloud: every call of the public API, over one store."""

from host_tools.cloud.rufus.api import PREFIX, RufusApi

__all__ = ["PREFIX", "RufusApi"]

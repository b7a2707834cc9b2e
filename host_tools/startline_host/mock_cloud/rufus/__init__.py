"""The mock's RUFUS cloud: every call of the public API, over one store."""

from startline_host.mock_cloud.rufus.api import PREFIX, RufusApi

__all__ = ["PREFIX", "RufusApi"]

"""The page at `/`: what readers did, as it happens, and the switches for faults."""

from host_tools.cloud.page.routes import Watched, page_app

__all__ = ["Watched", "page_app"]

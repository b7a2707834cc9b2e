"""The page at `/`: what readers did, as it happens, and the switches for faults."""

from startline_host.mock_cloud.page.routes import PageContext, page_app

__all__ = ["PageContext", "page_app"]

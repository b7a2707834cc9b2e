"""`startline panel`: one reader on the bench computer, looked at in a browser."""

from startline_host.panel.panel_options import PanelOptions
from startline_host.panel.panel_server import PanelServer

__all__ = ["PanelOptions", "PanelServer"]

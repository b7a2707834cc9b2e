"""A mock of the two clouds for the bench: the RUFUS public API and VMS billing activation."""

from host_tools.cloud.certificates import CASES, Authority, ServerCertificate, server_certificate
from host_tools.cloud.mock import MockCloud
from host_tools.cloud.proxy import FaultProxy
from host_tools.cloud.request_log import LoggedRequest, RequestLog
from host_tools.cloud.shown import in_full, summary

__all__ = [
    "CASES",
    "Authority",
    "FaultProxy",
    "LoggedRequest",
    "MockCloud",
    "RequestLog",
    "ServerCertificate",
    "in_full",
    "server_certificate",
    "summary",
]

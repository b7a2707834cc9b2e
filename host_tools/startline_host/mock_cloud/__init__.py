"""A mock of the two clouds for the bench: the RUFUS public API and VMS billing activation."""

from startline_host.mock_cloud.certificate_authority import (
    CASES,
    CertificateAuthority,
    ServerCertificate,
    server_certificate,
)
from startline_host.mock_cloud.log_format import entry_summary, full_entry
from startline_host.mock_cloud.mock import MockCloud
from startline_host.mock_cloud.mock_options import MockOptions
from startline_host.mock_cloud.proxy import FaultProxy
from startline_host.mock_cloud.request_log import LoggedRequest, RequestLog

__all__ = [
    "CASES",
    "CertificateAuthority",
    "FaultProxy",
    "LoggedRequest",
    "MockCloud",
    "MockOptions",
    "RequestLog",
    "ServerCertificate",
    "entry_summary",
    "full_entry",
    "server_certificate",
]

"""The mock cloud as a command of its own: started, announced, and kept until told to stop."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from startline_host.errors import BadInput
from startline_host.file_access import is_stream, write_stream
from startline_host.local_web.listen_socket import ANY_ADDRESS
from startline_host.local_web.origin_check import LOOPBACK_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from startline_host.mock_cloud.mock import MockCloud
    from startline_host.mock_cloud.store import CloudStore


@dataclass(frozen=True)
class ListedKey:
    """A key as it is listed: its number among all, its company, its access type, itself."""

    number: int
    company: str
    access: str
    key: str
    alias: str


@dataclass(frozen=True)
class Announcement:
    """What a person needs to use a running mock cloud."""

    rufus_url: str
    vms_url: str
    page_url: str
    ca_file: str | None
    keys: list[ListedKey]

    def as_dict(self) -> dict[str, Any]:
        """Give the same as JSON has it."""
        keys = [
            {"company": one.company, "access": one.access, "key": one.key} for one in self.keys
        ]
        return {
            "base_url": self.rufus_url,
            "vms_url": self.vms_url,
            "page_url": self.page_url,
            "ca_file": self.ca_file,
            "keys": keys,
        }

    def as_lines(self) -> list[str]:
        """Give the same as a person reads it."""
        return [
            f"RUFUS base URL  {self.rufus_url}",
            f"VMS base URL    {self.vms_url}",
            f"CA file         {self.ca_file or 'none: plain HTTP'}",
            f"page            {self.page_url}",
            *(f"key             {one.key}  {one.access} of {one.company}" for one in self.keys),
        ]


def listed_keys(store: CloudStore) -> list[ListedKey]:
    """List all keys of all companies, numbered from 1."""
    companies = store.companies()
    return [
        ListedKey(number, companies[key.company], key.access, key.text, key.alias)
        for number, key in enumerate(store.keys(), 1)
    ]


@contextmanager
def running(cloud: MockCloud, ca_file: Path | None = None) -> Iterator[Announcement]:
    """Serve `cloud` while the block runs; its CA stands in `ca_file`, or in a passing one.

    Raises `BadInput` if `ca_file` cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="startline-cloud-") as folder, cloud:
        path = ca_file or Path(folder) / "ca.pem"
        if cloud.tls:
            try:
                if is_stream(path):
                    write_stream(path, cloud.ca_pem)
                else:
                    path.write_bytes(cloud.ca_pem)
            except OSError as error:
                raise BadInput(f"{path} cannot be written: {error.strerror}.") from error
        yield Announcement(
            rufus_url=cloud.base_url,
            vms_url=cloud.root_url,
            page_url=cloud.page_url,
            ca_file=str(path) if cloud.tls else None,
            keys=listed_keys(cloud.store),
        )


def allow_many_files() -> None:
    """Let this process hold as many connections as the system allows at all."""
    try:
        import resource
    except ImportError:  # Windows has no such bound
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def is_loopback(host: str) -> bool:
    """Tell whether a host can be reached from this computer only."""
    return host in LOOPBACK_NAMES or host.startswith("127.")


def own_names(host: str) -> list[str]:
    """Guess the names under which others reach `host`: the address itself, the computer's name."""
    name = socket.gethostname().lower()
    names = [] if host in ANY_ADDRESS else [host]
    if host in ANY_ADDRESS:
        # No packet is sent: connecting a datagram socket only chooses the way out.
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
            contextlib.suppress(OSError),
        ):
            probe.connect(("192.0.2.1", 9))
            names.append(probe.getsockname()[0])
    return [*names, name, f"{name}.local"]

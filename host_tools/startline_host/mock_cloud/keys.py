"""API keys: what they look like, what each may call, and how they are shown without being told."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from startline_host.secrets import Secret

#: The key that the vendor's pages use in every example.
EXAMPLE_KEY = "ror-ae4fc6c19681a20fad30"

#: How many keys one company may have.
MAX_KEYS = 10

#: The kinds of keys by name: which methods each may call.
ACCESS: dict[str, frozenset[str]] = {
    "READ": frozenset({"GET", "HEAD"}),
    "WRITE": frozenset({"POST", "PATCH"}),
    "READ_WRITE": frozenset({"GET", "HEAD", "POST", "PATCH"}),
    "WRITE_UNBIND": frozenset({"POST", "PATCH", "DELETE"}),
    "READ_WRITE_UNBIND": frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE"}),
}


@dataclass(frozen=True)
class ApiKey:
    """One key of one company; `access` is a name out of `ACCESS`."""

    text: str
    access: str
    company: int
    alias: str = ""

    def may(self, method: str) -> bool:
        """Tell whether the key's access type allows the HTTP method."""
        return method in ACCESS[self.access]


def new_key() -> str:
    """Make up a key in the vendor's form: `ror-` and 20 hexadecimal digits."""
    return f"ror-{secrets.token_hex(10)}"


def masked(secret: str) -> str:
    """Stand in for a secret: its fingerprint (8 digits of its SHA-256), and nothing of its own."""
    return f"***{Secret(secret).fingerprint()}"

"""Batches, chips and tokens as the factory's tests make them up."""

from __future__ import annotations

from startline_host.factory.batch import UnitBatch, pattern_batch

#: A settings file, for the address of a cloud.
SETTINGS = """
[claim]
cloud = "rufus"
base_url = "{base_url}"
key_env = "CLAIM_KEY"
[net]
ssid = "bench"
password_file = "wifi"
[tls]
ca = "ca.pem"
[unit]
model = "Model X1"
"""


def make_batch(count: int, name: str = "spring") -> UnitBatch:
    """Make a batch of that many units."""
    return pattern_batch("RR-{n:06d}", count, name=name, defaults={"model": "Model X1"})


def mac(number: int) -> str:
    """Return the MAC of chip `number`."""
    return f"24:6f:28:00:{number >> 8:02x}:{number & 255:02x}"


def token(number: int) -> str:
    """Return a token as a cloud hands them out."""
    return f"{number:064X}"

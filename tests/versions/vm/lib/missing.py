"""What the build lacks of the modules that it has."""

import os
from binascii import unhexlify

import _network


def urandom(count: int) -> bytes:
    """Return random bytes."""
    return unhexlify(_network.random(count))


os.urandom = urandom

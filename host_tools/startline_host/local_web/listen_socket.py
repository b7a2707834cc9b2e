"""TCP sockets bound before anybody serves them, so that a port in use is told at once."""

from __future__ import annotations

import contextlib
import errno
import os
import socket

from startline_host.errors import BadInput, NetworkFailed

_IN_USE = frozenset({errno.EADDRINUSE, errno.EACCES})

#: Hosts that mean every address of this computer.
ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - asked for by the user, with a warning

#: How often a free port is tried that must be free on IPv4 and IPv6 alike.
_TRIES = 20


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind a TCP port; port 0 takes a free one, `localhost` takes IPv4 and IPv6 where it can.

    Raises `NetworkFailed` if the port is in use, `BadInput` if the host is no address of ours.
    """
    if host != "localhost":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return [_bind(family, host, port)]
    for _ in range(_TRIES):
        first = _bind(socket.AF_INET, "127.0.0.1", port)
        try:
            return [first, _bind(socket.AF_INET6, "::1", first.getsockname()[1])]
        except BadInput:  # there is no IPv6 here
            return [first]
        except NetworkFailed:
            first.close()
            if port:
                raise
    raise NetworkFailed("No port is free on 127.0.0.1 and ::1 alike.")


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only on sockets that say TCP.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # on Windows this would let others take the port over
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        if isinstance(error, OSError) and error.errno in _IN_USE:
            raise NetworkFailed(
                f"Port {port} on {host} is in use or not allowed.",
                "Choose another one; 0 takes any that is free.",
            ) from error
        raise BadInput(
            f"Nobody can listen on {host}, port {port}: {error}.",
            "Name an address of this computer, and a port from 0 to 65535.",
        ) from error
    return bound


def close_all(sockets: list[socket.socket]) -> None:
    """Close sockets, whoever may have closed them before."""
    for one in sockets:
        with contextlib.suppress(OSError):
            one.close()

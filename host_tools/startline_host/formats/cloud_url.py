"""The base URL of a cloud, read once for both ends: a device is only ever told the normal form."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from startline_host.errors import BadInput

_PORTS = {"https": 443, "http": 80}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
#: What a device keeps of a text.
_MAX_URL = 200
_MAX_NAME = 253
_LIKE = "Such as https://api.example.com/v0."


class CloudUrl(msgspec.Struct, frozen=True):
    """A base URL in parts; `port` is None where the scheme's own is meant without saying so."""

    scheme: Literal["https", "http"]
    host: str
    port: int | None
    path: str

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}"

    @property
    def address(self) -> tuple[str, int]:
        """The host and port to connect to."""
        return self.host, self.port or _PORTS[self.scheme]


def parse_url(text: str, what: str = "claim.base_url") -> CloudUrl:
    """Return a base URL as a device takes it.

    Scheme and host come in small letters, a name in other letters in its ASCII form, without a
    last dot; an empty port and slashes at the end are dropped. Raises BadInput with the reason for
    what a device could not go by.
    """
    if any(not one.isprintable() or one == " " for one in text) or "\\" in text:
        raise BadInput(f"{what} {text!r} contains a space, a backslash or an invisible character.")
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        raise BadInput(f"{what} {text!r} is not an https address.", _LIKE) from None
    scheme = parts.scheme.lower()
    if scheme not in {"https", "http"} or not host:
        raise BadInput(f"{what} {text!r} is not an https address.", _LIKE)
    _check_nothing_more(text, parts, what)
    host = _host(host, what)
    url = CloudUrl("http" if scheme == "http" else "https", host, _port(parts, what),
                   _path(parts.path, what))  # fmt: skip
    if len(str(url)) > _MAX_URL:
        raise BadInput(f"{what} has {len(str(url))} characters; a device keeps {_MAX_URL}.")
    return url


def same_cloud(one: str, other: str) -> bool:
    """Tell whether two base URLs are the same in their normal form; "" is none."""
    return bool(one) and _normal(one) == _normal(other)


def _normal(text: str) -> str:
    try:
        return str(parse_url(text))
    except BadInput:
        return text.rstrip("/")


def _check_nothing_more(text: str, parts: SplitResult, what: str) -> None:
    found = [
        name
        for name, there in (
            ("a user name", parts.username is not None or "@" in parts.netloc),
            ("a query", "?" in text),
            ("a fragment", "#" in text),
        )
        if there
    ]
    if found:
        # The text itself is not shown: with a user name it may hold a password.
        raise BadInput(
            f"{what} {parts.scheme}://{parts.hostname} holds {' and '.join(found)}.",
            "Give scheme, host, port and path, and nothing else.",
        )


def _host(host: str, what: str) -> str:
    """Return a host's name as DNS and certificates have it."""
    if ":" in host or host.startswith("["):
        raise BadInput(
            f"{what} names the IPv6 address [{host}], which the device's HTTP client cannot take.",
            "Use a host name, or an IPv4 address.",
        )
    name = _ascii(host, what).removesuffix(".")
    labels = name.split(".")
    if labels[-1].isdecimal():
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise BadInput(
                f"{what} names the host {host!r}, which is not an IPv4 address."
            ) from None
    if len(name) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadInput(f"{what} names the host {host!r}, which is not a host name.", _LIKE)
    return name


def _ascii(host: str, what: str) -> str:
    """Return a host name with its labels in other letters in the form `xn--…`."""
    if host.isascii():
        return host.lower()
    import idna

    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise BadInput(
            f"{what} names the host {host!r}, which is not a host name: {error}."
        ) from None


def _port(parts: SplitResult, what: str) -> int | None:
    text = parts.netloc.rpartition("@")[2].partition(":")[2]
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= 65535:
        raise BadInput(f"{what} names the port {text[:20]!r}; ports are 1 to 65535.")
    return int(text[:9])


def _path(path: str, what: str) -> str:
    """Return a path without slashes at its end."""
    path = path.rstrip("/")
    if not path.isascii():
        raise BadInput(
            f"{what} has the path {path!r}, which is not ASCII.", "Write it with %XX escapes."
        )
    if re.search(r"//|/\.{1,2}(?:/|$)|%(?![0-9A-Fa-f]{2})", path):
        raise BadInput(
            f"{what} has the path {path!r}, which clients read differently.",
            "Leave out empty steps, dots and single percent signs.",
        )
    return path

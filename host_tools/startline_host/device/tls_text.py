"""Why a device's TLS failed, in words for a person, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from startline_host.device.field_text import plain_words
from startline_host.tls_alerts import alert_words

_CUT = "the server closed the connection during the handshake"
#: The words for each reason that has some of its own, but for the alerts.
TLS_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "unknown_ca": "the cloud's certificate was issued by a CA that the device does not know",
        "wrong_host": "the cloud's certificate is for another host name",
        "expired": "the cloud's certificate has expired",
        "not_yet_valid": "the cloud's certificate is not valid yet",
        "weak": "the cloud's certificate has a key or a hash that is too weak for the device",
        "wrong_usage": "the cloud's certificate is not made for servers",
        "version": "the server speaks no TLS 1.2",
        "not_tls": "what answers there does not speak TLS",
        "alert 0": "the server ended the handshake with an alert",
        "cut": _CUT,
        "econnreset": _CUT,
        "epipe": _CUT,
        "error 32": _CUT,  # the same on a chip, whose firmware has no name for it
        "timeout": "the handshake was not finished in time",
        "handshake": "the TLS handshake failed",
    }
)
_CHAIN = (
    "Does [tls] ca of the settings name the CA that issued it, as PEM or DER? If so: is the server's "
    "chain whole, and in order: its own certificate first, then each one's issuer?"
)
_SPEECH = (
    "Is claim.base_url right? A device speaks TLS 1.2 with AES, and has no certificate of its own."
)
#: What to look at for what is wrong with the certificate itself; all else is about what is spoken.
_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "unknown_ca": _CHAIN,
        "handshake": f"{_CHAIN} Does it speak TLS 1.2?",
        "wrong_host": "Is claim.base_url right? Its host must be one of the certificate's DNS names.",
        "expired": "The server needs a new certificate.",
        "not_yet_valid": "Is the server's clock right, and this computer's?",
        "weak": "A device wants RSA of 2048 bits or more, or an elliptic curve, and SHA-256.",
        "wrong_usage": "The server needs a certificate for servers (extended key usage serverAuth).",
    }
)


def tls_reason(reason: str, who: str = "the device") -> str:
    """Say why TLS failed to `who` tried: the certificate's fault, or what the server objected to."""
    kind, _, number = reason.partition(" ")
    if kind == "alert" and number.isdecimal() and int(number):
        return alert_words(int(number), other=who)
    words = TLS_REASONS.get(reason) or plain_words(reason)
    return words.replace("the device", who)


def tls_hint(reason: str) -> str:
    """Say what to look at where TLS failed for that reason."""
    return _HINTS.get(reason, _SPEECH)

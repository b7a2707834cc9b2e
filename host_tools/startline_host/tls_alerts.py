"""What the alerts of TLS mean, in words: the only thing that one end learns of the other's objection.

Numbers and meanings are those of RFC 8446, section 6; the names are Python's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from ssl import AlertDescription
from types import MappingProxyType

_PREFIX = "ALERT_DESCRIPTION_"
#: Alerts with a cause that people can do something about; {0} is whoever sent it, {1} the other end.
_WORDS: Mapping[int, str] = MappingProxyType(
    {
        40: "{0} found no cipher in common with {1}, or wants a certificate from it",
        42: "{0} does not accept the certificate of {1}",
        43: "{0} does not accept that kind of certificate from {1}",
        44: "{0} says that the certificate of {1} was revoked",
        45: "{0} says that the certificate of {1} is not valid at this time",
        46: "{0} does not accept the certificate of {1}, and does not say why",
        48: "{0} does not know the CA that issued the certificate of {1}",
        49: "{0} does not let {1} in",
        70: "{0} speaks no version of TLS that {1} speaks",
        71: "{0} wants stronger ciphers than {1} has",
        80: "{0} has a fault of its own",
        112: "{0} does not serve the host name that {1} asked for",
        116: "{0} wants a certificate from {1}",
    }
)
#: What OpenSSL calls what is no alert, and what it means to a client.
_OPENSSL: Mapping[str, str] = MappingProxyType(
    {
        "WRONG_VERSION_NUMBER": "what answers there does not speak TLS",
        "HTTP_REQUEST": "what answers there speaks plain HTTP",
        "UNSUPPORTED_PROTOCOL": "the server speaks only older versions of TLS than 1.2",
        "UNEXPECTED_EOF_WHILE_READING": "the server closed the connection during the handshake",
        "DH_KEY_TOO_SMALL": "the server's key exchange is too weak",
        "EE_KEY_TOO_SMALL": "the server's key is too short",
    }
)


def alert_words(number: int, sender: str = "the server", other: str = "the device") -> str:
    """Say what an alert of that number (0 to 255) means, which `sender` sent to `other`."""
    words = _WORDS.get(number)
    if words is not None:
        return words.format(sender, other)
    try:
        name = AlertDescription(number).name.removeprefix(_PREFIX).lower().replace("_", " ")
    except ValueError:
        name = str(number)
    return f"{sender} ended the handshake with the alert {name!r}"


def openssl_words(reason: str, other: str = "this computer") -> str:
    """Say what a reason of OpenSSL's, such as TLSV1_ALERT_UNKNOWN_CA, means to a client, `other`."""
    if reason in _OPENSSL:
        return _OPENSSL[reason]
    for alert in AlertDescription:
        # SSLV3_ALERT_HANDSHAKE_FAILURE, TLSV13_ALERT_CERTIFICATE_REQUIRED, TLSV1_UNRECOGNIZED_NAME
        if reason.startswith(("TLSV1", "SSLV3")) and reason.endswith(
            alert.name.removeprefix(_PREFIX)
        ):
            return alert_words(alert.value, other=other)
    if reason.endswith("_CERTIFICATE_REQUIRED"):  # newer than Python's list
        return alert_words(116, other=other)
    return reason.lower().replace("_", " ")

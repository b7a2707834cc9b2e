"""Why something failed, in a word or two; loaded only when something did."""

import errno

if False:  # for mypy; a device has none of these
    from typing import Any


def error_reason(step: str, error: Exception, stream: object = None) -> str:
    """Return why an exchange did not succeed, by the step that it had come to.

    In the step `tls`: a fault of the certificate (unknown_ca, wrong_host, expired, not_yet_valid,
    weak, wrong_usage), version or not_tls for what the server speaks, "alert" with the number of
    the server's (RFC 8446, section 6) as the `stream` below has it, 0 without one, or handshake for
    all else of TLS. Before it: not_found for a name, or the error's own name such as econnrefused, or timeout.
    Garbage is an answer, or an address, that cannot be understood; no_memory one that takes more
    than there is; "bug" and the exception's kind what nobody foresaw.
    """
    if isinstance(error, MemoryError):
        return "no_memory"
    if step == "tls":
        return _of_tls(error, stream)
    if isinstance(error, OSError):
        return _of_errno(step, error.errno)
    if isinstance(error, (ValueError, ArithmeticError)):
        return "garbage"
    # The words of an unforeseen exception may hold a secret; its kind cannot.
    return "bug " + type(error).__name__


def _of_errno(step: str, number: "int | str | None") -> str:
    if number == errno.ETIMEDOUT:
        return "timeout"
    if step == "dns":
        return "not_found"
    return errno.errorcode.get(number, "error %s" % number).lower()


def _of_tls(error: Exception, stream: object) -> str:
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0:  # of the connection; those of TLS are negative
        return _of_errno("tls", number)
    text = str(error).lower()
    # mbedTLS explains in sentences, or, built without them, by its constants' names. A
    # stranger's certificate may be expired as well: that he is a stranger comes first.
    for word, name in (
        ("trusted", "unknown_ca"),
        ("usage", "wrong_usage"),  # these do not match either
        ("match", "wrong_host"),
        ("expired", "expired"),
        ("future", "not_yet_valid"),
        ("unaccept", "weak"),
        # By their numbers, which every build has: MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION,
        # MBEDTLS_ERR_SSL_INVALID_RECORD, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE.
        ("28288", "version"),
        ("29184", "not_tls"),
        ("30592", "alert %d" % getattr(stream, "alert", 0)),
    ):
        if word in text:
            return name
    return "handshake"


def wifi_reason(wlan: "Any", status: int) -> str:
    """Return why a join did not succeed, by the status that it ended with."""
    if status in (15, 202, 204):  # 15 and 204 are handshakes
        return "wrong_password"
    if status == 201:
        return "no_such_network"
    if status not in (1000, 1001):  # idle, or still connecting
        return "wifi %d" % status
    try:
        wlan.status("rssi")
    except (OSError, ValueError):
        return "timeout"
    return "no_address"  # there is a signal, and nobody gave us one

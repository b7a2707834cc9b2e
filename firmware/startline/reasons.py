"""Why something failed, in a word or two; loaded only when something did."""

import errno


def reason(step: str, error: Exception) -> str:
    """Return why an exchange did not succeed, by the step that it had come to.

    In the step `tls`: unknown_ca, wrong_host, expired, not_yet_valid, or handshake for all else.
    Before it: not_found for a name, or the error's own name such as econnrefused, or timeout.
    Garbage is an answer, or an address, that cannot be understood; no_memory one that takes more
    than there is.
    """
    if step == "tls" and not isinstance(error, MemoryError):
        # mbedTLS explains in sentences, or, built without them, by its constants' names. A
        # stranger's certificate may be expired as well: that he is a stranger comes first.
        text = str(error).lower()
        for word, name in (
            ("trusted", "unknown_ca"),
            ("match", "wrong_host"),
            ("expired", "expired"),
            ("future", "not_yet_valid"),
        ):
            if word in text:
                return name
        return "handshake"
    if not isinstance(error, OSError):
        return "no_memory" if isinstance(error, MemoryError) else "garbage"
    number = error.errno
    if number == errno.ETIMEDOUT:
        return "timeout"
    if step == "dns":
        return "not_found"
    return errno.errorcode.get(number, "error %s" % number).lower()


def of_wifi(wlan, status: int) -> str:
    """Return why a join did not succeed, by the status that it ended with."""
    if status in (15, 202, 204):  # 15 and 204 are handshakes
        return "wrong_password"
    if status == 201:
        return "no_such_network"
    if status != 1001:  # still connecting
        return "wifi %d" % status
    try:
        wlan.status("rssi")
    except (OSError, ValueError):
        return "timeout"
    return "no_address"  # there is a signal, and nobody gave us one

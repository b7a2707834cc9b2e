"""Why something failed, in a word or two; loaded only when something did."""

import errno

# What the Wi-Fi driver gives once it has stopped trying; 15 and 204 are the two handshakes.
_WIFI = {
    0: "driver",
    201: "no_such_network",
    202: "wrong_password",
    204: "wrong_password",
    15: "wrong_password",
}

# mbedTLS explains in sentences, or, built without them, by its constants' names. A stranger's
# certificate may be expired as well: that he is a stranger comes first.
_TLS = (
    ("trusted", "unknown_ca"),
    ("match", "wrong_host"),
    ("expired", "expired"),
    ("future", "not_yet_valid"),
    ("", "handshake"),
)


def reason(step: str, error: Exception) -> str:
    """Return why an exchange did not succeed, by the step that it had come to.

    In the step `tls`: unknown_ca, wrong_host, expired, not_yet_valid, or handshake for all else.
    Before it: not_found for a name, or the error's own name such as econnrefused, or timeout.
    In `answer`: garbage, for what could not be understood.
    """
    if step == "tls":
        text = str(error).lower()
        return next(name for word, name in _TLS if word in text)
    if not isinstance(error, OSError):
        return "garbage" if step == "answer" else "bug " + type(error).__name__
    number = error.errno
    if number == errno.ETIMEDOUT:
        return "timeout"
    if step == "dns":
        return "not_found"
    return errno.errorcode.get(number, "error %s" % number).lower()


def of_wifi(wlan, status: int) -> str:
    """Return why a join did not succeed, by the status that it ended with."""
    if status != 1001:  # still connecting
        return _WIFI.get(status, "wifi %d" % status)
    try:
        wlan.status("rssi")
    except (OSError, ValueError):
        return "timeout"
    return "no_address"  # there is a signal, and nobody gave us one

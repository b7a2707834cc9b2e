"""Every way in which a command can fail, each with its exit code.

StartlineError
├── NoSuchPort         10  no such port or device
├── WrongDevice        11  the device is not the one that was asked for
├── DeviceSilent       12  the device does not answer
├── NetworkFailed      20  the cloud could not be reached
├── TlsFailed          21  the cloud's certificate was not accepted
├── ClockWrong         22  the clock is unset or too early to judge certificates
├── RefusedByCloud     30  the cloud said no
├── OutcomeUnknown     31  a request went out and nobody knows what came of it
├── CloudDisagrees     32  the cloud's list and the device tell different stories
├── StorageFailed      40  something written did not read back
├── WouldTouchBound    41  the device is bound or unknown, and was left alone
├── TimedOut           50  the device did not come to rest in time
├── BadInput           60  a file or value that was given cannot be used
└── Bug                70  a fault of ours

Exit code 1 is no error: `startline bench` did
its work, and a scenario failed. Exit code 2 (usage) is the command-line parser's own.
"""

from __future__ import annotations

from typing import ClassVar


class StartlineError(Exception):
    """The root: a sentence for a person, and optionally what to do next.

    `exit_code` is what the command ends with; `hint` is one more sentence, or empty.
    """

    exit_code: ClassVar[int] = 70
    summary: ClassVar[str] = "a fault of ours"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NoSuchPort(StartlineError):
    """No such port, or nothing behind it."""

    exit_code = 10
    summary = "no such port or device"


class WrongDevice(StartlineError):
    """The device that answered is not the one that was asked for."""

    exit_code = 11
    summary = "the wrong device"


class DeviceSilent(StartlineError):
    """The port is there, but what hangs on it does not answer."""

    exit_code = 12
    summary = "device silent"


class NetworkFailed(StartlineError):
    """The cloud could not be reached: link, DNS or connection."""

    exit_code = 20
    summary = "network"


class TlsFailed(StartlineError):
    """The server could not prove that it is the provisioned cloud."""

    exit_code = 21
    summary = "TLS"


class ClockWrong(StartlineError):
    """The device's clock is unset or before its own making."""

    exit_code = 22
    summary = "clock"


class RefusedByCloud(StartlineError):
    """The cloud answered, and the answer was no."""

    exit_code = 30
    summary = "refused by the cloud"


class OutcomeUnknown(StartlineError):
    """A request was sent and its outcome is not known."""

    exit_code = 31
    summary = "outcome unknown"


class CloudDisagrees(StartlineError):
    """The cloud's list and the device's record differ."""

    exit_code = 32
    summary = "the cloud disagrees with the device"


class StorageFailed(StartlineError):
    """Something that was written did not read back."""

    exit_code = 40
    summary = "storage or read-back differs"


class WouldTouchBound(StartlineError):
    """The device is bound or its outcome is unknown: it was left as it is."""

    exit_code = 41
    summary = "would touch a bound or unknown device"


class TimedOut(StartlineError):
    """The device did not come to rest within the time given."""

    exit_code = 50
    summary = "timeout"


class BadInput(StartlineError):
    """A file or a value that was given cannot be used."""

    exit_code = 60
    summary = "bad input data"


class Bug(StartlineError):
    """A fault of ours, reported as such."""

    exit_code = 70
    summary = "bug"


#: What each exit code means: the one table behind `--help` and the book.
EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "done, and a scenario failed",
    2: "usage",
    **{
        error.exit_code: error.summary
        for error in (
            NoSuchPort, WrongDevice, DeviceSilent, NetworkFailed, TlsFailed, ClockWrong,
            RefusedByCloud, OutcomeUnknown, CloudDisagrees, StorageFailed, WouldTouchBound,
            TimedOut, BadInput, Bug,
        )
    },
    130: "interrupted by Ctrl-C; servers and monitor, which run until then, end with 0",
    143: "ended by SIGTERM; servers end with 0",
}  # fmt: skip

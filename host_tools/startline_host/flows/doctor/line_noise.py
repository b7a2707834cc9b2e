"""What a few seconds of a device's console tell: silence, noise, lost events, a chip in trouble."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType

from startline_host.device.console import ConsoleParser, Event
from startline_host.errors import DeviceSilent, StartlineError, StorageFailed
from startline_host.flows.doctor.finding import DoctorFinding, bad, good, note
from startline_host.flows.take_prompt import FILES_REMEDY

#: Fewer bytes than this say nothing about noise.
_ENOUGH = 16
#: The share of bytes that no console prints, from which on a line is called noisy.
_NOISY = 0.05
#: Controls that a console does print: tab, line ends, escape, and the sign before an event.
_USUAL = frozenset(b"\t\r\n\x08\x1b\x1e")

_RESET = b"rst:0x"

#: What a chip in trouble prints, and what that means.
_SYMPTOMS: Mapping[bytes, StartlineError] = MappingProxyType(
    {
        b"invalid header: 0x": DeviceSilent(
            "The chip finds no boot loader in its flash.", "Load it: startline up."
        ),
        b"No bootable app": DeviceSilent(
            "The chip finds no application in its flash.", "Load it: startline up."
        ),
        b"waiting for download": DeviceSilent(
            "The chip waits in its boot loader.", "Press RESET, with BOOT let go."
        ),
        b"filesystem appears to be corrupted": StorageFailed(
            "The device's file system is damaged.",
            FILES_REMEDY,
        ),
        b"Brownout detector was triggered": DeviceSilent(
            "The chip's supply gives way (brown-out).",
            "Use a shorter cable, another USB port, or a hub with its own supply.",
        ),
        b"Guru Meditation": StorageFailed(
            "The firmware crashed.", "Reload it: startline flash --allow-bound."
        ),
    }
)


def diagnose_line(heard: bytes, seconds: float, baud: int) -> Iterator[DoctorFinding]:
    """Judge what came within so many seconds at that baud rate."""
    if not heard:
        yield note(
            "line",
            f"The device said nothing in {seconds:g} s, as a reader that is timing does.",
            "To see it start: startline monitor --reset. To ask it: startline status --interrupt.",
        )
        return
    noise = noise_in(heard)
    if len(heard) >= _ENOUGH and noise > _NOISY:
        yield bad(
            "line",
            DeviceSilent(
                f"{noise:.0%} of {len(heard)} bytes are noise at {baud} baud.",
                "Is that the console's rate (-b)? Then: a shorter cable, no hub, a common ground.",
            ),
        )
        return
    yield good("line", f"{len(heard)} bytes in {seconds:g} s, and they make sense.")
    yield from _symptoms(heard)
    yield from _events(heard)


def noise_in(heard: bytes) -> float:
    """Return the share of bytes, 0 to 1, that are neither text nor usual on a console."""
    text = heard.decode("utf-8", errors="surrogateescape")
    strange = sum("\udc80" <= character <= "\udcff" for character in text)
    strange += sum(byte < 0x20 and byte not in _USUAL for byte in heard)
    return strange / len(heard)


def troubles_in(heard: bytes) -> Iterator[StartlineError]:
    """Yield what a chip says that cannot start, or crashes: what it means, and what to do."""
    yield from (error for words, error in _SYMPTOMS.items() if words in heard)


def _symptoms(heard: bytes) -> Iterator[DoctorFinding]:
    troubles = list(troubles_in(heard))
    yield from (bad("device", error) for error in troubles)
    restarts = heard.count(_RESET)
    if restarts > 1 and not troubles:  # else it is said why it restarts
        yield bad(
            "device",
            DeviceSilent(
                f"The device restarted {restarts} times while it was listened to.",
                "Watch why: startline monitor. A bad program: startline flash --allow-bound.",
            ),
        )


def _events(heard: bytes) -> Iterator[DoctorFinding]:
    console = ConsoleParser()
    events = [item for item in console.feed(heard) if isinstance(item, Event)]
    lost = 0
    for before, after in pairwise(events):
        # A restart counts from the beginning again.
        if after.name != "boot" and after.number > before.number + 1:
            lost += after.number - before.number - 1
    if lost:
        yield note(
            "events",
            f"{lost} of {len(events) + lost} events were lost on the way.",
            "A shorter cable, or no hub; events are checked, so none is ever misread.",
        )
    elif events:
        yield good("events", f"{len(events)} events, all of them whole.")

"""Takes a running device's prompt, or says why not: no power, or a program that keeps the console.

A program may catch Ctrl-C or switch it off (`micropython.kbd_intr(-1)`), and is then as silent as a
board without power. What tells them apart is a reset: a chip that lives prints as it starts. It also
is the way in: until the reader's program is imported, Ctrl-C stops whatever runs.
"""

from __future__ import annotations

import contextlib

from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import NoFileSystem, NoPrompt
from startline_host.device.repl import Repl
from startline_host.errors import DeviceSilent, StartlineError, StorageFailed
from startline_host.flows.notices import Listener, Remark, Step, ignore_notices
from startline_host.util import PatientDeadline

#: Seconds: for a chip to be caught as it starts, for a person to press RESET, and in which one that
#: was reset prints something.
_CATCH, _PERSON, _LIFE = 15.0, 60.0, 3.0
#: A busy computer may be too late for a device that starts at once: so often it is tried.
_RESETS = 3

#: What to do about a damaged file system.
FILES_REMEDY = "Reload it and keep its identity: startline flash --allow-bound."
_HARD = (
    "To stop it before its app.py starts: --hard. To load another app.py: "
    "startline flash --allow-bound --app FOLDER"
)
_BY_LOADER = (
    "Its boot.py or main.py keeps the console from its first moment. Through the boot loader, with "
    "its binding as it is: startline flash --allow-bound --recreate-files --backup FILE."
)


def take_prompt(line: PortSession, seconds: float, listen: Listener = ignore_notices) -> Repl:
    """Interrupt the device and return its prompt; one whose line is `hard` is reset for it.

    Raises DeviceSilent where it gives up none within `seconds`, and says what that stands for, and
    StorageFailed for one whose file system is damaged.
    """
    repl = Repl(line.port())
    try:
        if line.hard:
            _catch(line, repl, listen)
        else:
            repl.enter(seconds)
    except NoPrompt as silent:
        raise _explained(line, silent) from None
    except NoFileSystem as broken:
        raise StorageFailed(broken.message, FILES_REMEDY) from None
    return repl


def take_prompt_at_start(line: PortSession, repl: Repl, listen: Listener) -> None:
    """Take the prompt of a device that has just been reset, or is about to be, by hand.

    Raises NoPrompt where its program is quicker, also after further resets.
    """
    port = line.port()
    if not port.can_reset:
        listen(Step("Waiting for the device to start"))
        repl.catch(_PERSON)
        return
    for left in reversed(range(_RESETS)):
        try:
            repl.catch(_CATCH)
        except NoPrompt as silent:
            if not left or not silent.heard:
                raise
        else:
            return
        listen(Step("Resetting the device"))
        port.reset()


def _catch(line: PortSession, repl: Repl, listen: Listener) -> None:
    port = line.port()
    if port.can_reset:
        listen(Step("Resetting the device"))
        port.reset()
    else:
        listen(
            Remark("Press RESET on the device now: this port has no wire for it.", warning=True)
        )
    take_prompt_at_start(line, repl, listen)


def _explained(line: PortSession, silent: NoPrompt) -> DeviceSilent:
    """Return the error for a device without a prompt, after a look whether it lives."""
    if line.hard and silent.heard:
        return DeviceSilent("The device starts, and gives up no prompt.", _BY_LOADER)
    if silent.heard or _lives(line):
        return DeviceSilent(
            "The device runs, but its own program keeps the console: it gives up no prompt.", _HARD
        )
    if line.port().can_reset:
        return DeviceSilent(
            "The device is silent, also after a reset.", "Check its power, and the cable."
        )
    return DeviceSilent(
        "The device is silent: it has no power, or its own program keeps the console.",
        f"Press RESET: if it prints then, it has power (startline monitor). {_HARD}",
    )


def _lives(line: PortSession) -> bool:
    """Tell whether the chip prints when it is reset; its program runs again after that."""
    port = line.port()
    if not port.can_reset:
        return False
    end = PatientDeadline(_LIFE)
    with contextlib.suppress(StartlineError):
        port.reset()
        while not end.expired:
            if port.read(end.remaining).strip(b"\x00"):
                return True
    return False

"""Asks the VM to stop what it runs: first kindly, then firmly, at last with a signal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from startline_host.virtual.vm_process import is_blocked, running_seconds, waits_for_lock
from startline_host.virtual.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE_MS = 150
"""For how long the VM may notice by itself that it is to stop, before it is pressed to."""
_LAST_RESORT_MS = 400
"""For how long before it gets a signal."""
_SHARE = 0.7
"""How much of that time the VM must have run: on a busy computer it may have had no chance."""
_RECHECK_MS = 50
_LATEST_SECONDS = 5.0
"""A VM that blocks in a system call does not run at all: after this it gets its signal too."""
_LOOK_MS = 100
"""How often a VM that got its signal is looked at, until it says something."""


class _Rescue(Protocol):
    def __call__(self, *, raw: bool) -> None: ...


class Interrupt:
    """The character that interrupts, and the one interrupt that may be under way.

    `send` writes to the VM's control pipe, `signal` is the last resort; runtime/vm_console.py tells
    what the bytes mean and why in this order. `rescue` starts a VM anew that the signal killed: it
    leaves the memory management at any point, also between taking its lock and noting whose it
    is, and then waits for itself for ever.
    """

    def __init__(
        self, send: Callable[[bytes], None], signal: Callable[[], None], rescue: _Rescue
    ) -> None:
        self._send = send
        self._signal = signal
        self._rescue = rescue
        self._pid = 0
        self._raw = False
        self._enough = self._latest = 0.0
        self._char: int | None = None
        self._asked = False
        self._patience = Watchdog(self._press)
        self._last_resort = Watchdog(self._resort)
        self._aftermath = Watchdog(self._look)
        self._locked_at: float | None = None

    def watch(self, pid: int) -> None:
        """Take up a VM that was started; none of its characters interrupts yet."""
        self._pid = pid

    def obey(self, word: str, argument: bytes) -> None:
        """Do what the VM says, see runtime/vm_console.py."""
        self._aftermath.stop()
        if word == "i":
            self._raw = argument[1:] == b"r"
            self.arm(argument[0])
        elif word == "o":
            self.disarm(argument)
        elif word == "k":
            self.claim()
        elif word == "a":
            self.again()
        else:
            self.hold()

    def arm(self, char: int) -> None:
        """Let a character interrupt from now on."""
        self._char = char

    def disarm(self, answer: bytes = b"") -> None:
        """Let none do, and tell the VM once no signal can come any more."""
        self._char = None
        self._withdraw()
        if answer:
            self._send(answer)

    def take(self, data: bytes) -> bytes:
        """Interrupt if the character is in `data`; return the bytes without it."""
        if self._char is None or self._char not in data:
            return data
        self._ask()
        return data.replace(bytes((self._char,)), b"")

    def claim(self) -> None:
        """Answer the VM that is about to stop whether it is still to do so."""
        self._send(b"y" if self._withdraw() else b"n")

    def hold(self) -> None:
        """The VM is about to stop, but needs more time."""
        self._allow()

    def again(self) -> None:
        """The signal came in vain."""
        self._withdraw()
        self._ask()

    def _ask(self) -> None:
        if self._char is None or (self._asked and not self._last_resort.has_bitten):
            return
        self._withdraw()
        self._asked = True
        self._send(b"!")
        self._patience = Watchdog(self._press)
        self._last_resort = Watchdog(self._resort)
        self._patience.feed(_PATIENCE_MS)
        self._allow()

    def _allow(self) -> None:
        self._enough = running_seconds(self._pid) + _LAST_RESORT_MS / 1000 * _SHARE
        self._latest = time.monotonic() + _LATEST_SECONDS
        self._last_resort.feed(_LAST_RESORT_MS)

    def _resort(self) -> int | None:
        """Signal a VM that ran and did not notice; one that could not run has more time."""
        late = time.monotonic() > self._latest and is_blocked(self._pid)
        if running_seconds(self._pid) < self._enough and not late:
            return _RECHECK_MS
        self._signal()
        self._locked_at = None
        self._aftermath = Watchdog(self._look)
        self._aftermath.feed(_LOOK_MS)
        return None

    def _look(self) -> int | None:
        """Rescue a VM that has waited for a lock from one look to the next, and not run."""
        before = self._locked_at
        self._locked_at = running_seconds(self._pid) if waits_for_lock(self._pid) else None
        if before is None or before != self._locked_at:
            return _LOOK_MS
        self._rescue(raw=self._raw)
        return None

    def _withdraw(self) -> bool:
        """Forget what is under way; return whether the VM was asked, and got no signal yet."""
        self._patience.stop()
        self._last_resort.stop()
        self._aftermath.stop()
        was_asked, self._asked = self._asked, False
        return was_asked and not self._last_resort.has_bitten

    def _press(self) -> None:
        self._send(b"?")

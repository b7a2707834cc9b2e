"""A reader in a test lab: loaded, asked and waited for, by the flows of the commands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from startline_host.boards import load_board
from startline_host.device.bootloader import BootLoader
from startline_host.device.port import check_present
from startline_host.device.port_session import PortSession
from startline_host.errors import BadInput, WouldTouchBound
from startline_host.flows.firmware_bundle import make_bundle, make_provision
from startline_host.flows.firmware_store import FirmwareStore, default_cache
from startline_host.flows.inspect_device import inspect_device
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.notices import Listener, ignore_notices
from startline_host.flows.observe import (
    STATES,
    ask_for_status,
    listen_for_status,
    wait_for_state,
)
from startline_host.flows.restart import restart
from startline_host.flows.up import up
from startline_host.secrets import Secret
from startline_host.util import Deadline

#: States in which nothing may be erased behind the agent's back.
_KEPT = ("bound", "unknown")
_LISTEN_SECONDS = 3.0


class RawRegion(msgspec.Struct, frozen=True):
    """Bytes that a lab puts at an offset of the flash."""

    offset: int
    data: bytes


class LabReader:
    """A reader at a serial port, a board or a virtual chip, of the board profile `board`.

    `settings` is the settings file for `up` that gives none of its own; `listen` is told what is
    done, as a person sees it on a terminal. Each call takes the port for itself and lets go of it
    again. Everything raises StartlineError, NoSuchPort where the port is in use.
    """

    def __init__(
        self,
        url: str,
        board: str,
        *,
        settings: Path | None = None,
        listen: Listener = ignore_notices,
    ) -> None:
        self.url = url
        self._board = board
        self._settings = settings
        self._listen = listen

    def up(
        self,
        unit: Mapping[str, str],
        *,
        settings: Path | None = None,
        secrets: Mapping[str, str] = os.environ,
        firmware: Path | None = None,
        accept_firmware: Iterable[str] = (),
        app: Path | None = None,
        allow_bound: bool = False,
        read_key: str = "",
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Take the reader from any state to bound and verified, and return what `up --json` prints.

        `unit` is its identity: `serial`, `model` and the other fields of [unit]. `secrets` are the
        variables that the settings may name; with `read_key` the cloud's list is compared. `firmware`
        is a file in place of the pinned one, `accept_firmware` digests (SHA-256, hex) that may be
        used though no board file has them, `app` a folder of the owner's files, `timeout` the
        seconds for the first boot.
        """
        chosen = settings or self._settings
        if chosen is None:
            raise BadInput("There is no settings file for this reader.", "Give settings=...")
        board = load_board(self._board)
        provision = make_provision(chosen, unit, environ=secrets)
        check_present(self.url)
        store = FirmwareStore(default_cache(), accept=accept_firmware)
        bundle = make_bundle(board, store.obtain(board, firmware), app)
        request = LoadRequest(
            board=board, bundle=bundle, provision=provision, allow_bound=allow_bound
        )
        key = Secret(read_key) if read_key else None
        return up(self.url, request, read_key=key, limit=timeout, listen=self._listen).as_dict()

    def identity(self, *, interrupt: bool = True, serial: str = "") -> dict[str, Any]:
        """Return what `status --json` prints: state, serial number, deviceid, MAC, versions.

        The reader is stopped, asked and restarted, unless `interrupt` is false: then it is only
        listened to for three seconds, and a quiet one raises DeviceSilent.
        """
        with PortSession(self.url) as line:
            if interrupt:
                return ask_for_status(line, serial=serial).as_dict()
            return listen_for_status(
                line.port(), _LISTEN_SECONDS, self._listen, serial=serial
            ).as_dict()

    def wait(
        self, state: str = "bound", *, timeout: float = 60.0, fresh: bool = True, serial: str = ""
    ) -> dict[str, str]:
        """Wait until the reader reports a state, and return what `wait --json` prints.

        It reports its state only when it starts: it is restarted for that, once the port is open,
        unless `fresh` is false. Raises TimedOut with what it last reported.
        """
        if state not in STATES:
            raise BadInput(f"{state!r} is no state.", f"The states are {', '.join(STATES)}.")
        with PortSession(self.url) as line:
            port = line.port()
            if fresh:
                restart(line, self._listen)
            event = wait_for_state(port, state, Deadline(timeout), self._listen, serial=serial)
        token = str(event.fields.get("token") or "")
        return {
            "state": state,
            "serial": str(event.fields.get("serial") or ""),
            "deviceid": token,
        }

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes to flash as they are, and restart the reader. Raises as `refuse_bound` does."""
        self.refuse_bound()
        with PortSession(self.url) as line:
            BootLoader(self.url).write([RawRegion(offset, data)])
            restart(line, self._listen)

    def refuse_bound(self) -> None:
        """Raise WouldTouchBound where the reader is bound or may be; one that is blank may be erased.

        Its record is read through its prompt or its boot loader.
        """
        with PortSession(self.url) as line:
            record = inspect_device(line, quick=True, listen=self._listen).found.record
        if record is not None and record.state in _KEPT:
            raise WouldTouchBound(
                f"The reader is {record.state}: what is written here could take its deviceid away.",
                "Load it with up, or clear it first: startline reset, startline unbind.",
            )

"""What a running device tells at its MicroPython prompt, read before anything is written."""

from __future__ import annotations

import hashlib

import msgspec

from startline_host.device.partition_access import DeviceFacts, read_facts, read_partition
from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.found_device import Files, FoundDevice, PromptFiles
from startline_host.flows.load_plan import Need
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.owner_files import STARTERS
from startline_host.formats.bytecode import AGENT_FOLDERS, ROLES
from startline_host.formats.partitions import PartitionRow, PartitionTable


def read_snapshot(repl: Repl, facts: DeviceFacts | FoundDevice) -> DeviceSnapshot:
    """Read what the device keeps, as the loading rules need it."""
    return DeviceSnapshot(
        mac=facts.mac,
        nvs=read_partition(repl, "nvs"),
        bind=read_partition(repl, "bind") if facts.has("bind") else None,
        fctry=read_partition(repl, "fctry") if facts.has("fctry") else None,
    )


class PromptSurvey:
    """A device at its prompt, as far as it was asked."""

    def __init__(self, repl: Repl) -> None:
        self._repl = repl

    def identify(self) -> FoundDevice:
        """Return what runs there. Raises OSError or DeviceRaised where it is no ESP32."""
        facts = read_facts(self._repl)
        rows = (
            PartitionRow(row.name, row.kind, row.subtype, row.offset, row.size)
            for row in facts.rows
        )
        return FoundDevice(
            via="prompt",
            chip=facts.chip,
            mac=facts.mac,
            release=facts.release,
            table=PartitionTable(tuple(rows)),
        )

    def read(self, need: Need, request: LoadRequest, found: FoundDevice) -> FoundDevice:
        """Return the device with what a plan needs to be decided."""
        if need == "kept":
            kept = read_snapshot(self._repl, found)
            has_agent = request.bundle is not None or self._repl.can_import("startline")
            return msgspec.structs.replace(found, kept=kept, has_agent=has_agent)
        if need == "roles":
            lacks = frozenset(role for role in ROLES if not self._repl.can_import(role))
            return msgspec.structs.replace(found, lacks=lacks)
        try:
            return msgspec.structs.replace(found, files=self._files(request))
        except (OSError, DeviceRaised):
            return msgspec.structs.replace(found, broken_files=True)

    def _files(self, request: LoadRequest) -> PromptFiles:
        """Ask about the files that the request has, and about those in the agent's folders."""
        assert request.bundle is not None  # noqa: S101 - without a bundle there are no files
        wanted = {**request.bundle.files, **request.bundle.own}
        repl = self._repl
        digests = repl.digests(wanted)
        return PromptFiles(
            digests=digests,
            root=tuple(repl.entries("/")),
            library=tuple(path for folder in AGENT_FOLDERS for path in repl.files_below(folder)),
            starters=self._starters(wanted, digests),
        )

    def _starters(self, wanted: dict[str, bytes], digests: dict[str, str | None]) -> Files:
        """Read boot.py and main.py where they are there and not what is wanted."""
        return {
            path: self._repl.read_file(path)
            for path in STARTERS
            if path in wanted
            and digests[path] not in {None, hashlib.sha256(wanted[path]).hexdigest()}
        }

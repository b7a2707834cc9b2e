"""Runs the agent as a device does: its .mpy files, in the real MicroPython, boot after boot."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from startline import events
from startline.record.rules import Record, bind_copy, classify

from startline_host.clouds.rufus import RufusClaim
from startline_host.errors import BadInput
from startline_host.formats.bytecode import compile_source, device_files
from startline_host.formats.factory_partition import (
    DeviceSettings,
    NetSettings,
    OptionSettings,
    RunSettings,
    TlsSettings,
    make_factory_image,
)
from startline_host.formats.units import Unit
from startline_host.secrets import Secret
from startline_host.virtual.vm_binary import VARIABLE, micropython_command
from tests.firmware.fake_chip import RamFlash
from tests.firmware.listed import check_listed
from tests.not_here import skip_outside_ci

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "firmware"
BLANK = b"\xff"
#: When the fake chip's time servers and the tests' made_at are: 2026-11-18 and a year before.
NOW = 1_795_000_000
MADE_AT = NOW - 31_536_000
#: The chip's clock after power-on: 2000-01-01.
POWER_ON_CLOCK = 946_684_800
#: The claim key that readers have unless they are given another: the vendor's example.
KEY = "ror-ae4fc6c19681a20fad30"
_SECONDS = 600.0


def micropython() -> list[str]:
    """Return the words that start the MicroPython to test with, or skip the test where there is none.

    One that is named and cannot be run is an error, and so is having none in CI.
    """
    try:
        return micropython_command()
    except BadInput as error:
        if os.environ.get(VARIABLE):
            raise
        skip_outside_ci(error.message)


def compile_agent(folder: Path) -> Path:
    """Write the agent's .mpy files below `folder` as they stand on a device; return its lib.

    The tests' own modules stand beside it, compiled as well: so they cost no heap to compile.
    """
    for name, content in device_files(SOURCES).items():
        if name.startswith("/lib/"):
            path = folder / name[1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for name in ("fake_chip", "faulty_boots", "one_boot"):
        content = compile_source((HERE / f"{name}.py").read_bytes(), f"{name}.py")
        (folder / "lib" / f"{name}.mpy").write_bytes(content)
    return folder / "lib"


def run_micropython(
    *arguments: str | Path, heap: str = "2m", stdin: bytes = b"", seconds: float = _SECONDS
) -> str:
    """Run MicroPython to its end and return what it printed. Raises AssertionError on failure."""
    done = subprocess.run(
        [*micropython(), "-X", f"heapsize={heap}", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


@dataclass
class Boot:
    """What one boot printed, and how it ended."""

    text: str
    end: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for line in self.text.split("\n"):  # splitlines would split at RS
            if line.startswith("\x1e"):
                event = events.decode(line.encode())
                assert event is not None, line
                check_listed(event)
                self.events.append(event)

    @property
    def state(self) -> str:
        """The device's state at the end."""
        return str(self.end["state"])

    @property
    def reason(self) -> str:
        """Why."""
        return str(self.end["reason"])

    def all(self, name: str) -> list[dict[str, Any]]:
        """Return every event of that name."""
        return [event for event in self.events if event["ev"] == name]

    def one(self, name: str) -> dict[str, Any]:
        """Return the one event of that name."""
        found = self.all(name)
        assert len(found) == 1, (name, found)
        return found[0]

    def failures(self) -> list[tuple[str, str]]:
        """Return step and reason of each failure."""
        return [(event["step"], event["reason"]) for event in self.all("failed")]


class HarnessReader:
    """A device of its own in a folder: partitions, the NVS blob, and its boots."""

    def __init__(self, folder: Path, lib: Path, fctry: bytes | None) -> None:
        self.folder = folder
        self.path = [str(lib)]
        self.parts: dict[str, Path] = {}
        folder.mkdir(exist_ok=True)
        self.put("nvs", BLANK * 0x6000)
        if fctry is not None:
            self.put("bind", BLANK * 0x2000)
            self.put("fctry", fctry)

    def put(self, label: str, data: bytes) -> None:
        """Set a partition's bytes."""
        self.parts[label] = self.folder / label
        self.parts[label].write_bytes(data)

    def get(self, label: str) -> bytes:
        """Return a partition's bytes."""
        return self.parts[label].read_bytes()

    @property
    def blob(self) -> bytes:
        """The record's copy in NVS."""
        path = self.folder / "record"
        return path.read_bytes() if path.exists() else b""

    @blob.setter
    def blob(self, raw: bytes) -> None:
        (self.folder / "record").write_bytes(raw)

    def copies(self) -> tuple[Record | str, Record | str]:
        """Return both copies of the record."""
        bind = bind_copy(RamFlash(bytearray(self.get("bind")))) if "bind" in self.parts else ""
        return classify(self.blob), bind

    def states(self) -> tuple[str, str]:
        """Return the state of both copies, or what they are instead."""
        first, second = (copy if isinstance(copy, str) else copy.state for copy in self.copies())
        return first, second

    def boot(
        self, *, heap: str = "2m", retries: int = 0, empty: bool = False, **plan: Any
    ) -> Boot:
        """Boot once, or, if `empty`, only make the chip. The plan says what goes wrong there.

        Raises AssertionError when MicroPython does not come to the end, for want of heap too.
        """
        path = self.write_spec(retries=retries, empty=empty, **plan)
        program = f"import sys\nsys.path[:]={[*self.path, '.frozen']}\n"
        program += f"import one_boot\none_boot.run({str(path)!r})"
        text, _, end = run_micropython("-c", program, heap=heap).rpartition("END ")
        return Boot(text, json.loads(end))

    def write_spec(self, *, retries: int = 0, empty: bool = False, **plan: Any) -> Path:
        """Write down this reader for the next boot, as `one_boot.run` reads it; return the file."""
        plan.setdefault("ntp", NOW)
        spec = {
            "parts": {label: str(path) for label, path in self.parts.items()},
            "record": str(self.folder / "record"),
            "plan": plan,
            "retries": retries,
            "empty": empty,
        }
        path = self.folder / "spec.json"
        path.write_text(json.dumps(spec))
        return path


def settings_for(
    base_url: str,
    ca: bytes | None,
    key: str = KEY,
    *,
    run: str = "",
    ssid: str = "bench",
    key_header: Literal["both", "api_key", "x-api-key"] = "both",
    **options: Any,
) -> DeviceSettings:
    """Return settings for a RUFUS reader; `options` are those of [set]."""
    return DeviceSettings(
        claim=RufusClaim(cloud="rufus", base_url=base_url, key=Secret(key), key_header=key_header),
        net=NetSettings(ssid=ssid, password=Secret("bench-wifi")) if ssid else None,
        tls=TlsSettings(ca=(ca,) if ca else ()),
        run=RunSettings(key=Secret(run) if run else None),
        set=OptionSettings(**options),
    )


def factory_image(settings: DeviceSettings, **unit: Any) -> bytes:
    """Return an `fctry` partition for the seed's unit, or one that differs from it."""
    fields = {"serial": "DEVICE-123", "model": "Model X1", "made_at": MADE_AT, **unit}
    return make_factory_image(Unit(**fields), settings)

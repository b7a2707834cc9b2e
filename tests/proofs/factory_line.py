"""The long proofs of the line, at their full size: `python -m tests.proofs.factory_line [NAME]...`.

`kills`: 64 blank boards on 16 slots, killed at ten moments and started again. `faults`: 200 boards,
one in ten of which meets with a fault. `stations`: four stations with one PostgreSQL and one cloud
share 200, each board plugged into a watched port; half-way the database is away. Ends with 1 if one of them does not hold.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from startline_host.boards import load_board
from startline_host.factory.ledger import Ledger
from startline_host.flows.firmware_bundle import make_bundle
from startline_host.flows.firmware_store import FirmwareStore
from startline_host.formats.flash_plan import merged_image
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.virtual import VirtualEsp32
from tests.factory.made import SETTINGS, mac
from tests.factory.postgres import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SLOTS, UNITS, KILLS = 16, 64, 10
#: A run is killed after so many lines of history at most; a unit writes six.
_MOST_LINES = 60
MANY, STATIONS, PORTS = 200, 4, 4
#: Seconds for which a slot is empty while a hand changes its board, and the database is away.
_GAP, _AWAY = 0.5, 3.0


def line(words: Sequence[str], folder: Path, **environment: str) -> subprocess.Popen[str]:
    """Start the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "startline_host", "line", *words, "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Let a line come to its end, and return what it told last."""
    out, _ = process.communicate()
    told = [json.loads(row) for row in out.splitlines()]
    told.reverse()
    last = told[0].get("result") or told[0]
    faults = [one["fields"] for one in told if one.get("name") == "faults"]
    return {key: value for one in [*faults, last] for key, value in one.items()}


def lines_of_history(folder: Path) -> int:
    """Count what the ledger of a virtual line has written so far."""
    path = folder / "plant" / "ledger.db"
    with (
        contextlib.suppress(sqlite3.OperationalError),
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger,
    ):
        (count,) = ledger.execute("SELECT count(*) FROM startline_event").fetchone()
        return int(count)
    return 0


def kills(folder: Path) -> str:
    """Kill a line of 64 at ten moments, and see what the eleventh run makes of it."""
    words = ["--virtual", str(SLOTS), "--count", str(UNITS), "--folder", "plant"]
    chance = random.Random(1)
    for _ in range(KILLS):
        moment = lines_of_history(folder) + chance.randint(1, _MOST_LINES)
        process = line(words, folder)
        while lines_of_history(folder) < moment:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(chance.uniform(0.005, 0.02))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = line(words, folder)
    told = result(last)
    assert (last.returncode, told["agrees"]) == (0, True), told
    with Ledger.open(str(folder / "plant" / "ledger.db")) as ledger:
        units = ledger.entries()
        sent = [one.serial for one in ledger.records() if one.kind == "sent"]
        resumed = sum(one.kind == "resume" for one in ledger.records())
    with MockCloud(MockOptions(db=folder / "plant" / "cloud.db")) as cloud:
        listed = {device["serial_number"]: device["deviceid"] for device in cloud.devices()}
        assert len(cloud.devices()) == UNITS
    assert listed == {unit.serial: unit.token for unit in units if unit.passed}
    assert len({unit.mac for unit in units}) == len(set(listed.values())) == UNITS
    assert sorted(sent) == sorted(listed)
    return f"{KILLS} kills, {resumed} units taken up again, {UNITS} bound once each"


def faults(folder: Path) -> str:
    """Make 200 units of which one in ten meets with a fault."""
    words = ["--virtual", str(SLOTS), "--count", str(MANY), "--folder", "plant"]
    words += ["--faults", "10", "--seed", "1"]
    process = line(words, folder)
    told = result(process)
    assert told["agrees"] is True, told
    batch = told["batch"]
    assert batch["work"] == 0, told
    assert sum(told["ends"].values()) == MANY, told
    assert told["ends"].get("failed", 0) == sum(told["reasons"].values()), told
    done = {kind: told[kind] for kind in ("cable", "cloud", "power")}
    assert sum(done.values()) > MANY // 20, done
    return f"{done}: ends {told['ends']}, reasons {told['reasons']}, the cloud agrees"


def stations(folder: Path) -> str:
    """Have four stations share 200 units; their boards are plugged in and taken out by threads."""
    board = load_board("VIRTUAL_ESP32")
    bundle = make_bundle(board, FirmwareStore(folder / "firmware").obtain(board))
    image = merged_image(bundle.plan(vfs=True, fctry=None))
    boxes: SimpleQueue[int] = SimpleQueue()
    for number in range(1, MANY + 1):
        boxes.put(number)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving())
        cloud = stack.enter_context(MockCloud())
        url = server.url()
        (folder / "ca.pem").write_bytes(cloud.ca_pem)
        (folder / "wifi").touch(mode=0o600)
        (folder / "wifi").write_text("bench-wifi")
        (folder / "settings.toml").write_text(SETTINGS.format(base_url=cloud.base_url))
        benches = [
            stack.enter_context(Station(folder, number, image, boxes, url, cloud))
            for number in range(1, STATIONS + 1)
        ]
        while boxes.qsize() > MANY // 2:
            time.sleep(0.1)
        server.stop()
        time.sleep(_AWAY)
        server.start()
        told = [bench.work() for bench in benches]
        listed = {device["serial_number"]: device["deviceid"] for device in cloud.devices()}
        with Ledger.open(url) as ledger:
            units = ledger.entries()
    assert all(unit.passed for unit in units), told
    assert [unit.serial for unit in units] == [f"RR-{n:06d}" for n in range(1, MANY + 1)]
    assert len({unit.mac for unit in units}) == len({unit.token for unit in units}) == MANY
    assert listed == {unit.serial: unit.token for unit in units}
    shares = [sum(unit.station == f"station-{n}" for unit in units) for n in range(1, 5)]
    return f"{MANY} units, {' + '.join(map(str, shares))} of the four stations, each bound once"


class Station:
    """One station: the command on four watched ports, and a hand that changes their boards."""

    def __init__(
        self, folder: Path, number: int, image: bytes, boxes: SimpleQueue[int], url: str,
        cloud: MockCloud,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._image = image
        self._boxes = boxes
        self._chips = [self._plug(boxes.get()) for _ in range(PORTS)]
        words = ["RR-{n:06d}", "--count", str(MANY), "--batch", "spring", "--ledger", url]
        words += ["--board", "VIRTUAL_ESP32", "--station", f"station-{number}", "--watch"]
        words += [word for chip in self._chips for word in ("-p", chip.url)]
        keys = {"CLAIM_KEY": cloud.keys["WRITE"], "STARTLINE_READ_KEY": cloud.keys["READ"]}
        self._process = line(words, folder, **keys)
        self._told: list[dict[str, Any]] = []
        self._hand = threading.Thread(target=self._change)
        self._hand.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._hand.join()
        for chip in self._chips:
            chip.stop()

    def work(self) -> list[dict[str, Any]]:
        """Wait until the station has ended; return what it told of failures and at the end."""
        self._hand.join()
        self._process.wait()
        return self._told

    def _plug(self, number: int, port: int = 0) -> VirtualEsp32:
        path = self._folder / f"board-{number:04d}.flash"
        path.write_bytes(self._image)
        return VirtualEsp32(path, mac=mac(number), port=port)

    def _change(self) -> None:
        """Change a slot's board whenever the station says that it is done."""
        assert self._process.stdout is not None
        for row in self._process.stdout:
            told = json.loads(row)
            is_unit = told.get("name") == "unit"
            told = told.get("fields") or told
            if told.get("end") not in {"passed", "seen"}:
                self._told.append(told)
            if not is_unit:
                continue
            with contextlib.suppress(Empty):
                number = self._boxes.get_nowait()
                place = int(told["slot"]) - 1
                port = int(self._chips[place].url.rpartition(":")[2])
                self._chips[place].stop()
                time.sleep(_GAP)
                self._chips[place] = self._plug(number, port)


PROOFS: dict[str, Callable[[Path], str]] = {"kills": kills, "faults": faults, "stations": stations}


def main(names: Sequence[str]) -> int:
    """Run the proofs that were named, or all of them; print what each found."""
    failed = 0
    for name in names or PROOFS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="startline-line-") as folder:
            try:
                words = PROOFS[name](Path(folder))
            except AssertionError as error:
                failed, words = 1, f"DOES NOT HOLD: {error}"
        print(f"{name}: {words}, in {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

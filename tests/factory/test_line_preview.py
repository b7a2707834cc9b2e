"""`line --dry-run`: what each board would become is shown; no board and no ledger is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from startline_host import cli
from startline_host.factory import slots
from startline_host.factory.job import LinePlan
from startline_host.factory.ledger import Ledger
from startline_host.factory.line_preview import plan_blank
from startline_host.factory.rehearsal import rehearsal_ledger
from startline_host.formats.flash_plan import merged_image
from startline_host.mock_cloud import MockCloud
from startline_host.virtual import VirtualEsp32
from tests.end_to_end.common import at_its_prompt
from tests.factory.bench import BIND, NVS
from tests.factory.made import SETTINGS, mac, make_batch, token
from tests.flows import found_devices
from tests.flows.snapshots import fctry, in_bind, in_nvs, record
from tests.json_lines import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from startline_host.factory.batch import UnitBatch
    from startline_host.factory.entries import StationSlot
    from startline_host.flows.firmware_bundle import FirmwareBundle

WHOLE = ("boot loader", "partition table", "application", "vfs", "fctry")


def test_a_blank_board_is_planned_without_a_device() -> None:
    """What the batch's next board gets is decided from the plan alone: all of the flash, in its order."""
    made = found_devices.bundle()
    provision = found_devices.provision(mac=mac(7))
    plan = LinePlan(batch="spring", board=made.board, bundle=made, settings=provision.settings)
    steps = plan_blank(plan, provision)
    assert [(step.action, step.what) for step in steps] == [("write", name) for name in WHOLE]


def test_a_rehearsal_leaves_the_ledger_as_it_is(
    where: str, batch: UnitBatch, place: StationSlot
) -> None:
    """What is given away on the copy is not given away; the copy knows what the real one does.

    A ledger that is not there yet is not made.
    """
    with rehearsal_ledger(where) as copy:
        assert copy.add_batch(batch).new == 10
    with Ledger.open(where) as ledger:
        assert not ledger.batches()
        ledger.add_batch(batch)
        first = ledger.allot("spring", place, mac(1))
        assert first is not None
        units, history = ledger.entries(), ledger.records()
        with rehearsal_ledger(where) as copy:
            assert copy.entries() == units
            assert copy.add_batch(batch).new == 0
            again, second = (copy.allot("spring", place, mac(chip)) for chip in (1, 2))
            assert (again and again.serial, second and second.serial) == (
                first.serial,
                "RR-000002",
            )
            assert second is not None
            copy.pass_(copy.bound(second, token(2)))
        assert (ledger.entries(), ledger.records()) == (units, history)


@pytest.fixture
def cloud() -> Iterator[MockCloud]:
    """Run a cloud."""
    with MockCloud() as running:
        yield running


@pytest.fixture
def run(
    tmp_path: Path, cloud: MockCloud, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str, str]]:  # fmt: skip
    """Run a line of three units in an empty folder; return exit code, output and other words."""
    monkeypatch.chdir(tmp_path)
    for name in ("STARTLINE_LEDGER", "STARTLINE_READ_KEY", "STARTLINE_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("STARTLINE_BOARD", "VIRTUAL_ESP32")
    monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys["READ"])
    monkeypatch.setenv("CLAIM_KEY", cloud.keys["WRITE"])
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "ca.pem").write_bytes(cloud.ca_pem)
    (tmp_path / "wifi").write_text("bench-wifi", encoding="ascii")
    settings = SETTINGS.format(base_url=cloud.base_url)
    (tmp_path / "settings.toml").write_text(settings, encoding="utf-8")
    # Whatever hangs on this computer is none of the test's business.
    monkeypatch.setattr(slots, "list_serial_ports", list)

    def line(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        whole = ["line", "RR-{n:06d}", "--count", "3", "--batch", "spring", "--ledger", "made.db"]
        with pytest.raises(SystemExit) as left:
            cli.main([*whole, *words])
        assert isinstance(left.value.code, int)
        return left.value.code, *capsys.readouterr()

    return line


def test_without_a_board_the_batch_is_shown(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, cloud: MockCloud
) -> None:
    """How many units are left, the board, and what a blank one gets; nothing is made on this computer."""
    for watch in ((), ("--watch",)):
        code, out, err = run("--dry-run", "--json", "--labels", "labels", *watch)
        assert code == 0, err
        last = checked(out)[-1]
        assert (last["batch"]["free"], last["next_serial"]) == (3, "RR-000001")
        assert (last["board"], last["slots"]) == ("VIRTUAL_ESP32", [])
        assert [(one["action"], one["what"]) for one in last["steps"]] == [
            ("write", name) for name in WHOLE
        ]
    code, out, _ = run("--dry-run")
    assert (code, "would become RR-000001" in out, "Nothing was written" in out) == (0, True, True)
    assert all(name in out for name in WHOLE)
    assert not list(tmp_path.glob("made.db*"))
    assert not (tmp_path / "labels").exists()
    assert not cloud.devices()
    missing = run("--dry-run", "-p", "/dev/no-such-port", "--json")
    assert (missing[0], checked(missing[1])[-1]["result"]["slots"][0]["would"]) == (10, "fail")
    assert run("--dry-run", "--virtual", "1")[0] == 2


def test_boards_are_told_of_and_left_as_they_are(
    run: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    bundle: FirmwareBundle,
    cloud: MockCloud,
) -> None:
    """A stranger that is bound is refused (41), the other is named as the run then makes it.

    Flash and ledger are the same afterwards, byte for byte. A unit that has passed is left.
    """
    stranger = bytearray(merged_image(bundle.plan(vfs=True, fctry=fctry())))
    bound = record("bound", mac=bytes.fromhex(mac(1).replace(":", "")))
    stranger[NVS], stranger[BIND] = in_nvs(bound), in_bind(bound)
    (tmp_path / "1.flash").write_bytes(stranger)
    (tmp_path / "2.flash").write_bytes(merged_image(bundle.plan(vfs=True, fctry=None)))
    with Ledger.open("made.db") as ledger:
        ledger.add_batch(make_batch(3))
    chips = [VirtualEsp32(tmp_path / f"{n}.flash", mac=mac(n)) for n in (1, 2)]
    try:
        assert all(map(at_its_prompt, chips))
        kept = [tmp_path / name for name in ("1.flash", "2.flash", "made.db")]
        before = [path.read_bytes() for path in kept]
        code, out, err = run("--dry-run", "--json", *(f"-p{chip.url}" for chip in chips))
        last = checked(out)[-1]
        assert (code, last["kind"]) == (41, "error"), err
        first, second = last["result"]["slots"]
        assert (first["would"], first["exit_code"], first["mac"]) == ("fail", 41, mac(1))
        assert "not of this ledger" in first["words"]
        assert (second["would"], second["serial"], second["mac"]) == ("load", "RR-000001", mac(2))
        assert ("write", "fctry") in told(second)
        assert [path.read_bytes() for path in kept] == before
        assert not cloud.devices()
        code, out, err = run("--json", "-p", chips[1].url)
        assert code == 0, err
        (made,) = cloud.devices()
        assert made["serial_number"] == second["serial"]
        code, out, err = run("--dry-run", "-p", chips[1].url)
        assert (code, "RR-000001" in out, "would be left as it is" in out) == (0, True, True), err
    finally:
        for chip in chips:
            chip.stop()


def told(board: dict[str, Any]) -> set[tuple[str, str]]:
    """Return what is done to what on a board."""
    return {(step["action"], step["what"]) for step in board["steps"]}

"""`startline race audit`: whatever is planted at the cloud is found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from startline_race.journal_format import HEADER_SIZE, PASSING, SECTOR, SESSION, find_entry

from startline_host.clouds.cloud_registry import kind_of
from startline_host.flows.operator.cloud_target import CloudTarget
from startline_host.formats.flash_dump import partition_reader
from startline_host.mock_cloud import MockCloud
from startline_host.race.audit import audit as audit_race
from startline_host.race.stored_race import read_race
from startline_host.secrets import Secret
from tests.race.conftest import COUNT, Run, result
from tests.race_role.racing import RacingReader


@pytest.fixture
def audit(
    run: Run, dump: Path, racer: RacingReader, race_cloud: MockCloud, tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run the audit with a READ key of this or another company."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(race_cloud.ca_pem)

    def running(*more: str, key: str = "") -> tuple[int, str, str]:
        file = tmp_path / "read-key"
        file.touch(mode=0o600)
        file.write_text(key or race_cloud.keys["READ"])
        place = ("--base-url", race_cloud.base_url, "--ca", ca, "--read-key-file", file)
        return run("audit", "--dump", dump, *place, *more)

    return running


_OTHER_TIME = "2026-11-18T23:59:59.000Z"
_INSERT = (
    "INSERT INTO passings (session, bib, num_passing, timestamp, chip, received) SELECT session,"
)
_DOUBLE = f"bib, num_passing, '{_OTHER_TIME}', chip, received FROM passings WHERE num_passing = 7"
_EXTRA = "'99', 31, timestamp, 'AA', received FROM passings WHERE num_passing = 9"
#: What is planted at the cloud, by the kind of finding that it has to be: SQL, passing, fields.
PLANTED = {
    "missing": ("DELETE FROM passings WHERE num_passing = 3", 3, []),
    "different": ("UPDATE passings SET bib = 'other' WHERE num_passing = 5", 5, ["bib"]),
    "doubled": (f"{_INSERT} {_DOUBLE}", 7, ["timestamp"]),
    "extra": (f"{_INSERT} {_EXTRA}", 31, []),
}


@pytest.fixture
def plant(race_cloud: MockCloud) -> Iterator[Callable[..., None]]:
    """Plant disagreements of these kinds at the cloud, and take them back."""
    store = race_cloud.store
    kept = store.rows("SELECT * FROM passings ORDER BY id")

    def planting(*kinds: str) -> None:
        with store.transaction() as database:
            for kind in kinds:
                database.execute(PLANTED[kind][0])

    yield planting
    with store.transaction() as database:
        database.execute("DELETE FROM passings")
        for row in kept:
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO passings VALUES ({marks})", tuple(row.values()))  # noqa: S608


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_disagreement_is_found(
    audit: Callable[..., tuple[int, str, str]], plant: Callable[..., None], kind: str
) -> None:
    """One that stands alone is found under its own name, with its passing, and nothing else is (32)."""
    plant(kind)
    told = result(audit("--json"), 32)["result"]
    found = [(one["kind"], one["num_passing"], one["fields"]) for one in told["findings"]]
    assert found == [(kind, *PLANTED[kind][1:])]


def test_a_race_that_went_well_agrees(audit: Callable[..., tuple[int, str, str]]) -> None:
    """All passings of a race are on both sides, to the millisecond."""
    told = result(audit("--json"))
    assert (told["agrees"], told["compared"], told["findings"]) == (True, COUNT, [])
    assert "30 passings compared" in audit()[1]


def test_planted_disagreements_are_found(
    audit: Callable[..., tuple[int, str, str]], plant: Callable[..., None]
) -> None:
    """All four together are each named with what both sides have of it (32), in words too."""
    plant(*PLANTED)
    told = result(audit("--json"), 32)["result"]
    assert not told["agrees"]
    assert [one["kind"] for one in told["findings"]] == list(PLANTED)
    assert [len(one["cloud"]) for one in told["findings"]] == [0, 1, 2, 1]
    assert told["findings"][0]["stored"]["chip"] == "E2801160600002054C3A0002"
    assert told["findings"][3]["cloud"][0]["chip"] == "AA"
    code, out, err = audit()
    assert code == 32
    assert "missing   10 km 3 (passing 3)" in out
    assert "E2801160600002054C3A0002" in out
    assert "differ in 4 passings" in err


def test_damage_is_told_before_what_comes_of_it(
    audit: Callable[..., tuple[int, str, str]], plant: Callable[..., None], dump: Path
) -> None:
    """A journal that has lost sessions or passings ends with 40; what it cannot ask for is not missing."""
    whole = dump.read_bytes()
    sessions, passings = (
        [start for kind, start in _entries(whole[:SECTOR]) if kind == wanted]
        for wanted in (SESSION, PASSING)
    )
    plant("missing")
    for spoilt, lost, differing in (
        ([passings[9]], "has lost the passings 10", True),
        (sessions, "the session of 30 passings is called", False),
        ([*sessions, passings[9]], "10 (sector 0), and what the session of 29", False),
    ):
        data = bytearray(whole)
        for at in spoilt:
            data[at] ^= 1
        dump.write_bytes(data)
        code, out, err = audit()
        assert (code, lost in err) == (40, True), err
        assert ("missing " in out) == differing
        assert ("differ in 1 passing." in err) == differing
        assert not result(audit("--json"), 40)["result"]["agrees"]


def _entries(sector: bytes) -> Iterator[tuple[int, int]]:
    """Give the kind of each entry of a sector, and where its payload begins."""
    found = find_entry(sector, HEADER_SIZE)
    while found:
        yield found[0], found[1]
        found = find_entry(sector, found[3])


def test_a_key_of_another_company_is_told(
    audit: Callable[..., tuple[int, str, str]], race_cloud: MockCloud
) -> None:
    """A READ key that sees none of the sessions is one sentence (30); one that may not read (60)."""
    other = race_cloud.add_company("Another")
    code, out, err = audit(key=other["READ"])
    assert (code, out) == (30, "")
    assert "another company" in err
    assert audit(key=race_cloud.keys["WRITE"])[0] == 60


def test_an_audit_wants_a_key_and_a_cloud(run: Run, dump: Path) -> None:
    """Without a READ key or a cloud it says what it needs (60)."""
    code, _, err = run("audit", "--dump", dump)
    assert code == 60
    assert "STARTLINE_READ_KEY" in err


def test_a_session_that_was_closed_elsewhere_is_compared_too(
    tmp_path: Path, racer: RacingReader, race_cloud: MockCloud, run: Run
) -> None:
    """What went into it before, and the rest that came after, sectors later: all is compared."""
    other = RacingReader(tmp_path / "other", racer.lib, race_cloud)
    other.become("DEVICE-200")
    other.life(["10 km"], 30, close=False, until="idle")
    device = next(one for one in race_cloud.devices() if one["serial_number"] == "DEVICE-200")
    (session,) = race_cloud.store.rows(
        "SELECT token FROM sessions JOIN devices ON devices.id = device WHERE deviceid = ?",
        device["deviceid"],
    )
    race_cloud.close_session(session["token"])
    other.life(["10 km"], 20, close=False, until="idle")
    other.life(["10 km"], 130)
    race = read_race(partition_reader((other.folder / "race").read_bytes()))
    assert [(one.alias, bool(one.token)) for one in race.sessions] == [
        ("10 km", True), ("10 km (rest)", True),
    ]  # fmt: skip
    assert [row["passings"] for row in race.session_rows()] == [30, 150]
    calls = kind_of("rufus").race
    assert calls is not None
    place = CloudTarget(race_cloud.base_url, (race_cloud.ca_der,))
    told = audit_race(race, calls, place, Secret(race_cloud.keys["READ"]))
    assert (told.compared, told.findings) == (180, [])

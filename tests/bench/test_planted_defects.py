"""Agents with a defect planted in them: the right scenarios fail, and no others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from startline_host.bench.scenarios.catalog import Case, load_scenarios, make_cases
from tests.bench.picked_cases import failing, first_of_each

_FIRMWARE = Path(__file__).parents[2] / "firmware"
#: Readers at a time: nearly all of a case is waiting for a limit of the reader's.
_AT_A_TIME = 6

#: For each defect: the file that it is in, what stands there, what takes its place.
DEFECTS = {
    "no_server_verification": (
        "net/http_guard.py",
        "context.verify_mode = self.tls.CERT_REQUIRED",
        "context.verify_mode = self.tls.CERT_NONE",
    ),
    "second_post_after_a_timeout": (
        "net/bind_request.py",
        "        if not binding.sent:\n",
        "        if not binding.sent or reason == 'timeout':\n",
    ),
    "record_in_one_place_only": (
        "record/copies.py",
        "    for put in (_set_blob, _append):\n",
        "    good = 1\n    for put in (_set_blob,):\n",
    ),
}

#: The scenarios that each of them has to fail.
CAUGHT = {
    "no_server_verification": {
        "ca-of-somebody-else",
        "certificate-expired",
        "certificate-is-mended",
        "certificate-not-yet-valid",
        "certificate-of-another-ca",
        "certificate-of-another-host",
        "certificate-wrong-twice",
        "name-server-lies",
    },
    "second_post_after_a_timeout": {
        "access-point-vanishes-after-the-request",
        "answer-is-stalled",
    },
    "record_in_one_place_only": {
        "bind-erased-under-us",
        "bind-full-of-noise",
        "bound-and-switched-on-again",
        "nvs-erased-under-us",
        "nvs-full-of-noise",
        "record-of-a-newer-agent",
        "unknown-survives-half-its-copies",
    },
}


def planted(name: str, folder: Path) -> Path:
    """Copy the firmware and plant a defect in the copy."""
    file, old, new = DEFECTS[name]
    firmware = folder / name
    shutil.copytree(_FIRMWARE, firmware, ignore=shutil.ignore_patterns("__pycache__"))
    path = firmware / "startline" / file
    source = path.read_text(encoding="utf-8")
    assert source.count(old) == 1, f"{file} no longer has what {name} replaces"
    path.write_text(source.replace(old, new), encoding="utf-8")
    return firmware


def cases_for(name: str) -> list[Case]:
    """Return a case of each scenario that a defect has to fail, and of a third of the others.

    They are about links, trust, and flash; what one defect leaves out, the next one takes.
    """
    words = ["network/", "TLS/", "power/", "storage/"]
    cases = first_of_each(make_cases(load_scenarios(), words=words))
    others = sorted({case.scenario.name for case in cases} - CAUGHT[name])
    some = others[list(DEFECTS).index(name) :: len(DEFECTS)]
    return [case for case in cases if case.scenario.name in {*CAUGHT[name], *some}]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_fails_the_right_scenarios(name: str, tmp_path: Path) -> None:
    """Those scenarios fail that are about what the defect breaks, and no others."""
    failed = failing(planted(name, tmp_path), cases_for(name), _AT_A_TIME)
    assert failed.keys() == CAUGHT[name], failed

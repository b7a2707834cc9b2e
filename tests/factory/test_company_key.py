"""The READ key of a line: it has to work, and to be the company's, before a batch is bound with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from startline_host.errors import CloudDisagrees
from startline_host.factory.company_proof import check_key
from startline_host.factory.job import LinePlan
from startline_host.factory.ledger import Ledger
from startline_host.factory.line import FactoryLine
from startline_host.factory.line_views import PlainView
from startline_host.factory.virtual_plant import VirtualPlant
from startline_host.flows.notices import ignore_notices
from startline_host.mock_cloud import MockCloud
from startline_host.secrets import Secret
from tests.factory import made
from tests.factory.made import make_batch
from tests.factory.test_line import loaded, run_words

if TYPE_CHECKING:
    from pathlib import Path

    from startline_host.flows.firmware_bundle import FirmwareBundle


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, far from the user's own settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("STARTLINE_LEDGER", "STARTLINE_READ_KEY", "STARTLINE_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_another_companys_read_key_ends_the_line_with_its_first_board(
    tmp_path: Path, bundle: FirmwareBundle
) -> None:
    """In a new batch one board is bound to find that out; the others are not, nor do they keep a number."""
    folder = tmp_path / "plant"
    loaded(folder, bundle, 4)
    with VirtualPlant(folder, 4) as plant, Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        ledger.add_batch(make_batch(4))
        stranger = Secret(plant.cloud.add_company("another")["READ"])
        plan = LinePlan(
            batch="spring", board=bundle.board, bundle=bundle, settings=plant.settings, read_key=stranger,
        )  # fmt: skip
        line = FactoryLine(ledger, plan, plant.slots(2), "bench", PlainView(print))
        totals = line.run()
        assert (totals.passed, set(totals.exit_codes)) == (0, {32})
        assert len(plant.cloud.devices()) == 1
        (bound,) = [unit for unit in ledger.entries() if unit.token]
        assert all(
            unit.state == "free"
            for unit in ledger.entries()
            if unit is not bound and not unit.sent
        )
        with pytest.raises(CloudDisagrees, match="another company than the claim key"):
            check_key(ledger, plan, ignore_notices)
        good = msgspec.structs.replace(plan, read_key=plant.read_key)
        company = check_key(ledger, good, ignore_notices)
        again = FactoryLine(
            ledger, good, plant.slots(2), "bench", PlainView(print), company=company
        )
        assert again.run().failed == 0
        assert len(plant.cloud.devices()) == len({unit.token for unit in ledger.entries()} - {""})


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [("WRITE", 30, "does not let the READ key look"), ("READ", 20, "Nothing was written")],
)
def test_a_read_key_that_does_not_work_stops_before_the_first_board(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    key: str, code: int, said: str,
) -> None:  # fmt: skip
    """A key that the cloud refuses, or a cloud that is away, ends the line before it begins."""
    with MockCloud() as cloud:
        url = cloud.base_url if key == "WRITE" else "https://127.0.0.1:1/v0"
        monkeypatch.setenv("CLAIM_KEY", cloud.keys["WRITE"])
        monkeypatch.setenv("STARTLINE_READ_KEY", cloud.keys[key])
        (tmp_path / "ca.pem").write_bytes(cloud.ca_pem)
        (tmp_path / "wifi").touch(mode=0o600)
        (tmp_path / "wifi").write_text("bench-wifi")
        (tmp_path / "settings.toml").write_text(made.SETTINGS.format(base_url=url))
        words = ["line", "RR-{n}", "--count", "2", "-p", "1=/dev/null"]
        words += ["--board", "VIRTUAL_ESP32", "--ledger", "ledger.db"]
        ended, _, err = run_words(capsys, words)
    assert (ended, said in err) == (code, True), err
    with Ledger.open("ledger.db") as ledger:
        assert ledger.entries() == []

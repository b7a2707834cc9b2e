"""How other projects' suites are judged, and that what fails in them has a reason."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from tests.book.pages import ROOT
from tests.suites.__main__ import main
from tests.suites.comparison import Outcome, compare, expected_failures, looked_at_twice
from tests.suites.upstream import SUITES, SuiteRun, junit_results, run_micropython

RESULTS: dict[str, Outcome] = {"a": "passed", "b": "failed", "c": "skipped"}


def test_only_what_is_expected_may_fail() -> None:
    """A new failure, an expected one that passes and one of no test are three different faults."""
    assert compare(RESULTS, {"b": "because"}).good
    assert compare(RESULTS, {}).new == ["b"]
    assert compare(RESULTS, {"a": "why", "b": "because"}).mended == ["a"]
    assert compare(RESULTS, {"b": "because", "gone": "why"}).unknown == ["gone"]
    assert compare(RESULTS, {"b": "because", "gone": "why"}, whole=False).good


def test_what_newly_failed_is_run_once_more() -> None:
    """Only that; what fails again, or is not heard of, has failed."""
    results: dict[str, Outcome] = {
        "a": "passed",
        "b": "failed",
        "c": "failed",
        "d": "failed",
        "e": "failed",
    }
    asked = []

    def again(names: list[str]) -> dict[str, Outcome]:
        asked.extend(names)
        return {"b": "passed", "c": "failed"}

    assert looked_at_twice(results, {"e": "why"}, again) == results | {"b": "passed"}
    assert asked == ["b", "c", "d"]
    assert looked_at_twice({"a": "passed", "e": "failed"}, {"e": "why"}, again) == {
        "a": "passed",
        "e": "failed",
    }


def test_a_suite_that_ran_nothing_is_not_good() -> None:
    """A runner that broke before its first test does not count as a success."""
    assert not compare({}, {}).good


def test_what_sources_without_their_submodule_lack_is_left_out(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    """Tests that need unittest count as skipped: they are there, and did not run."""
    tests = tmp_path / "sources" / "tests" / "extmod"
    tests.mkdir(parents=True)
    (tmp_path / "sources" / "tools").mkdir()
    (tmp_path / "sources" / "tools" / "pyboard.py").write_text("")
    (tests / "one.py").write_text("import unittest\n")
    (tmp_path / "work").mkdir()
    run = SuiteRun(
        source=tmp_path / "sources",
        work=tmp_path / "work",
        python=Path(sys.executable),
        chip=mocker.Mock(pty_path="none"),
        match=re.compile(""),
    )
    results = run_micropython(run)
    assert results == {"extmod/one.py": "skipped"}
    assert not compare(results, {"extmod/one.py": "why"}).unknown


def test_sources_that_are_none_are_refused_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is installed, with a word about what is not there."""
    for name, suite in SUITES.items():
        monkeypatch.setenv(suite.variable, str(tmp_path))
        with pytest.raises(SystemExit) as ended:
            main(["--only", name, "--folder", str(tmp_path / "results")])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert f"{suite.variable}: {tmp_path} is no checkout, it has no {suite.mark}" in said
    assert not list(tmp_path.iterdir())


def test_each_expected_failure_is_a_limit_that_the_book_tells() -> None:
    """Every failure of the data file has its reason in the book's own words; its suite is one that is run."""
    expected = expected_failures()
    limits = _limits()
    assert expected.keys() <= {*SUITES, "clients"}
    for reason in (why for one in expected.values() for why in one.values()):
        title, _, words = reason.partition(": ")
        assert words, reason
        assert title in limits, reason
        assert words in limits[title], reason


def _limits() -> dict[str, str]:
    """Return the items of "What it does not imitate", as plain text by their titles."""
    page = (ROOT / "docs/reference/virtual-chip.md").read_text(encoding="utf-8")
    section = page.partition("\n## What it does not imitate\n")[2].partition("\n## ")[0]
    items = re.findall(r"^- \*\*(.+?)[.]?\*\*(.*)$", section, re.MULTILINE)
    assert len(items) == section.count("\n- "), "an item without a title"
    return {title: f"{title}{text}".replace("`", "") for title, text in items}


def test_outcomes_are_read_from_junit(tmp_path: Path) -> None:
    """Failures and errors count alike; a run without a report has no outcome."""
    report = tmp_path / "report.xml"
    assert junit_results(report) == {}
    report.write_text(
        '<testsuites><testsuite><testcase classname="test.test_esptool.TestFlash" name="one"/>'
        '<testcase classname="m" name="two"><failure/></testcase>'
        '<testcase classname="m" name="three"><error/></testcase>'
        '<testcase classname="m" name="four"><skipped/></testcase></testsuite></testsuites>'
    )
    assert junit_results(report) == {
        "TestFlash::one": "passed",
        "m::two": "failed",
        "m::three": "failed",
        "m::four": "skipped",
    }

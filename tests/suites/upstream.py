"""Runs the suites that other projects keep in their repositories, on a copy of each."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import msgspec

from startline_host.device import library_patches
from startline_host.virtual import VirtualEsp32
from tests.suites.comparison import Outcome, expected_failures, looked_at_twice
from tests.suites.suite_environment import clean_environ

Results = dict[str, Outcome]
Word = Path | str | None
_SECONDS = 4 * 3600
_QUICK = Path(__file__).parent / "quick"
_MPREMOTE_OUTCOMES: dict[str, Outcome] = {"OK": "passed", "skip": "skipped"}
_MICROPYTHON_OUTCOMES: dict[str, Outcome] = {"pass": "passed", "fail": "failed"}
#: MicroPython's tests of what a chip's port has; the rest is of the PC, of wiring, of two boards.
_MICROPYTHON_FOLDERS = (
    "basics", "extmod", "float", "micropython", "misc", "ports/esp32", "stress", "unicode",
)  # fmt: skip
#: Where a checkout has it for tests on a board; a submodule.
_UNITTEST = "lib/micropython-lib/python-stdlib/unittest/unittest"


class SuiteRun(msgspec.Struct, frozen=True):
    """One run: the project's sources, the folder for it, the Python, a chip, and which tests."""

    source: Path
    work: Path
    python: Path
    chip: VirtualEsp32
    match: re.Pattern[str]


def run_esptool(run: SuiteRun) -> Results:
    """Run esptool's tests of a chip (test_esptool.py) with the sources' own esptool."""
    root = _copied(
        run, "esptool", "esptool", "espefuse", "espsecure", "esp_rfc2217_server", "test"
    )
    words: list[Word] = [
        "-p", "pytest_rerunfailures", "-m", "not host_test", "test/test_esptool.py",
        "--port", run.chip.url, "--chip", "esp32", "--baud", "460800",
    ]  # fmt: skip
    environ = {"PYTHONPATH": f"{root}:{_QUICK}", "FAST_RFC2217": library_patches.__file__}
    listed = _pytest(run, root, ["--collect-only", *words], **environ)
    names = [line for line in listed.splitlines() if "::" in line]
    left_out = [name for name in names if not run.match.search(name)]
    chosen = [word for name in left_out for word in ("--deselect", name)]
    if len(left_out) == len(names):
        return {}
    return run_pytest(run, root, "esptool", [*words, *chosen], **environ)


def run_micropython(run: SuiteRun) -> Results:
    """Run MicroPython's tests on the chip, as its `run-tests.py -t` does on a board."""
    tests = _copied(run, "micropython", "tests", "tools/pyboard.py") / "tests"
    files = [
        path.relative_to(tests)
        for folder in _MICROPYTHON_FOLDERS
        for path in sorted((tests / folder).glob("*.py"))
        if run.match.search(str(path.relative_to(tests)))
    ]
    left_out = set() if _install_unittest(run) else set(_with_unittest(tests, files))
    results = looked_at_twice(
        _micropython_results(run, tests, [file for file in files if file not in left_out]),
        expected_failures().get("micropython", {}),
        lambda names: _micropython_results(run, tests, [Path(name) for name in names]),
    )
    return results | {str(file): "skipped" for file in left_out}


def _with_unittest(tests: Path, files: list[Path]) -> list[Path]:
    word = b"import unittest"
    return [file for file in files if word in (tests / file).read_bytes()]


def _micropython_results(run: SuiteRun, tests: Path, files: list[Path]) -> Results:
    """Run some of MicroPython's tests; none, where there is none to run."""
    if not files:
        return {}
    folder = run.work / "micropython-results"
    output(
        [run.python, "-u", "run-tests.py", "-t", f"port:{run.chip.pty_path}", "-r", folder, *files],
        tests, clean_environ(run.python),
    )  # fmt: skip
    listed = folder / "_results.json"
    rows = json.loads(listed.read_text())["results"] if listed.is_file() else []
    listed.unlink(missing_ok=True)
    return {name: _MICROPYTHON_OUTCOMES.get(outcome, "skipped") for name, outcome, *_ in rows}


def run_mpremote(run: SuiteRun) -> Results:
    """Run mpremote's tests with the sources' own mpremote."""
    folder = _copied(run, "micropython", "tools/mpremote") / "tools/mpremote/tests"
    found: dict[str, Outcome] = {}
    for test in sorted(folder.glob("test_*.sh")):
        if run.match.search(test.name):
            said = output(
                ["bash", "./run-mpremote-tests.sh", "-t", run.chip.pty_path, f"./{test.name}"],
                folder, clean_environ(run.python),
            )  # fmt: skip
            word = re.search(rf"{re.escape(test.name)}: (\w+)", said)
            found[test.name] = _MPREMOTE_OUTCOMES.get(word[1] if word else "", "failed")
    return found


class Suite(msgspec.Struct, frozen=True):
    """A project's suite: the variable that names its sources, a file of them, and what runs it.

    `submodule` is a part of the sources without which some tests are skipped.
    """

    variable: str
    mark: str
    run: Callable[[SuiteRun], Results]
    submodule: str = ""


SUITES = {
    "esptool": Suite("ESPTOOL_SOURCE", "test/test_esptool.py", run_esptool),
    "micropython": Suite(
        "MICROPYTHON_SOURCE", "tests/run-tests.py", run_micropython, submodule=_UNITTEST
    ),
    "mpremote": Suite(
        "MICROPYTHON_SOURCE", "tools/mpremote/tests/run-mpremote-tests.sh", run_mpremote
    ),
}


def run_pytest(
    run: SuiteRun, folder: Path, name: str, words: list[Word], **environ: str
) -> Results:
    """Run pytest in a folder with no settings and plugins but those named, and return outcomes."""
    report = run.work / f"{name}.xml"
    _pytest(run, folder, ["--junitxml", report, *words], **environ)
    return junit_results(report)


def _pytest(run: SuiteRun, folder: Path, words: list[Word], **environ: str) -> str:
    command = [run.python, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", folder, *words]
    return output(
        [*command, "-p", "no:cacheprovider"],
        folder,
        clean_environ(run.python, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **environ),
    )


def _copied(run: SuiteRun, name: str, *parts: str) -> Path:
    """Copy parts of the sources, whose suites write beside themselves."""
    root = run.work / name
    for part in parts:
        if (run.source / part).is_dir():
            shutil.copytree(run.source / part, root / part, dirs_exist_ok=True)
        else:
            (root / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(run.source / part, root / part)
    return root


def _install_unittest(run: SuiteRun) -> bool:
    """Put MicroPython's `unittest` on the chip, where the sources came with their submodule."""
    folder = run.source / _UNITTEST
    if not folder.is_dir():
        return False
    output(
        [run.python, "-m", "mpremote", "connect", run.chip.pty_path, "mkdir", ":/lib", "+",
         "cp", "-r", folder, ":/lib/"],
        run.work, clean_environ(run.python),
    )  # fmt: skip
    return True


def output(command: list[Word], folder: Path, environ: dict[str, str]) -> str:
    """Run a command and return what it says; a log in its folder shows how far it is."""
    log = folder / "suites.log"
    begin = log.stat().st_size if log.exists() else 0
    with log.open("ab") as file:
        subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
    return log.read_bytes()[begin:].decode(errors="replace")


def junit_results(report: Path) -> Results:
    """Return the outcomes in a JUnit file; none where the run did not get so far."""
    if not report.is_file():
        return {}
    found: dict[str, Outcome] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it just now
        kinds = {child.tag for child in case}
        outcome: Outcome = "skipped" if "skipped" in kinds else "passed"
        if kinds & {"failure", "error"}:
            outcome = "failed"
        found[f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"] = outcome
    return found

"""A lab for each framework: its environment, a cloud, and files that name a virtual reader."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.virtual.vm_binary import find_micropython
from tests.book.pages import ROOT, blocks
from tests.labs.lab_environment import NotInstallableError, lab_python
from tests.not_here import skip_outside_ci
from tests.suites.suite_environment import clean_environ
from tests.suites.upstream import junit_results

#: Runs what a page of the book shows, then the tests below `inside/`; returns how many passed.
RunPage = Callable[..., int]

_INSIDE = Path(__file__).with_name("inside")
_SECONDS = 900
_PASSWORD = "bench-wifi"
_SETTINGS = """\
[claim]
cloud = "rufus"
base_url = "{base_url}"
key_env = "STARTLINE_CLAIM_KEY"

[net]
ssid = "paddock"
password_env = "STARTLINE_WIFI_PASSWORD"

[tls]
ca = "ca.pem"
"""


@pytest.fixture(scope="session")
def python() -> Path:
    """Return the Python of the labs' environment; without the package index there is none."""
    try:
        return lab_python()
    except NotInstallableError as error:
        skip_outside_ci(error)


@pytest.fixture(scope="module")
def cloud() -> Iterator[MockCloud]:
    """Run the cloud that the readers are bound at."""
    with MockCloud(MockOptions()) as running:
        yield running


@pytest.fixture
def lab(tmp_path: Path, cloud: MockCloud) -> Path:
    """Return a folder with settings for the cloud, and its certificate."""
    (tmp_path / "settings.toml").write_text(_SETTINGS.format(base_url=cloud.base_url))
    (tmp_path / "ca.pem").write_bytes(cloud.ca_pem)
    return tmp_path


@pytest.fixture
def run_page(python: Path, lab: Path, cloud: MockCloud) -> RunPage:
    """Return what runs a page's example in the lab, and then more tests on the same reader.

    `change` has more to say to the page's files, by name. Every test has to pass, and none to skip.
    """

    def run(page: str, more: str, *words: str, **change: Callable[[str], str]) -> int:
        for block in blocks(ROOT / "docs" / "how-to" / page):
            if block.title:
                say = change.get(Path(block.title).stem, str)
                (lab / block.title).write_text(say(block.body), encoding="utf-8")
        shutil.copy(_INSIDE / more, lab / f"test_zz_{more}")
        return _run_pytest(python, lab, cloud, *words)

    return run


def _run_pytest(python: Path, lab: Path, cloud: MockCloud, *words: str) -> int:
    environ = clean_environ(
        python,
        LAB_FOLDER=str(lab),
        MICROPYTHON=find_micropython(),
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        STARTLINE_CLAIM_KEY=cloud.keys["WRITE"],
        STARTLINE_WIFI_PASSWORD=_PASSWORD,
    )
    report = lab / "report.xml"
    command: list[Path | str] = [python, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", lab,
               "-p", "no:cacheprovider", "--junitxml", report, *words, lab]  # fmt: skip
    done = subprocess.run(
        command, cwd=lab, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    outcomes = junit_results(report)
    assert (done.returncode, set(outcomes.values())) == (0, {"passed"}), done.stdout
    return len(outcomes)

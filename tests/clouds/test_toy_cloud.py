"""A third cloud is one file on the device and one on the host: a copy of this tree gets Toy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_TOY = Path(__file__).parent / "toy"
#: What makes Toy a cloud, and plays it for the bench and for the proof of power cuts.
_FILES = {
    "device": "firmware/startline/clouds/toy.py",
    "host": "host_tools/startline_host/clouds/toy.py",
}
_SECONDS = 900


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what is run, and put Toy's files beside those of the other clouds."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("boards", "firmware", "host_tools", "tests/proofs", "tests/release"):
        shutil.copytree(
            _ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for name, where in _FILES.items():
        assert not (tree / where).exists()
        shutil.copyfile(_TOY / f"{name}.py", tree / where)
    return tree


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the copy."""
    path = os.pathsep.join(str(tree / name) for name in ("host_tools", "firmware"))
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def test_the_demo_tells_its_story(tree: Path) -> None:
    """`make bench CLOUD=toy`: bound once, through a power cut, left alone by a second `up`."""
    ended = run(tree, "startline_host.demo", "--cloud", "toy")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "A blank ESP32 and a mock Toy" in ended.stdout
    assert "The cloud knows this very device." in ended.stdout + ended.stderr
    assert "One bind request in all." in ended.stdout
    assert "deviceid toy-000001" in ended.stdout


def test_scenarios_run_with_it(tree: Path) -> None:
    """Answers that are good, lost or cut, and tokens that are spoilt by the name that it gives them."""
    words = (
        "answers/good-answer",
        "answers/token-is-",
        "answers/gateway-503-after-commit",
        "network/answer-is-",
        "tokens/",
    )
    choice = [part for word in words for part in ("-k", word)]
    ended = run(tree, "startline_host", "bench", "--cloud", "toy", "-j", "2", "--json", *choice)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    *cases, summary = [json.loads(line) for line in ended.stdout.splitlines()]
    assert summary["passed"]
    names = {case["fields"]["scenario"] for case in cases}
    assert {"token-is-null", "token-is-a-list", "answer-is-cut", "token-is-cut"} <= names


def test_it_survives_power_cuts(tree: Path) -> None:
    """A sample of power cuts, with a look into Toy's list after an answer that was lost."""
    ended = run(tree, "tests.proofs.powercuts", "--cloud", "toy", "--sample", "--jobs", "2",
                "--only", "script=['commit_drop'] same")  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = json.loads((tree / "build" / "powercuts.json").read_text(encoding="utf-8"))
    assert report["cloud"] == "toy"


def test_its_worlds_reach_what_they_are_for(tree: Path) -> None:
    """Its tokens are shorter than RUFUS's, and each crowded page is collected without a cut, too."""
    ended = run(tree, "tests.proofs.powercuts", "--cloud", "toy", "--cuts", "none", "--jobs", "2",
                "--only", "crowded")  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    worlds = json.loads((tree / "build" / "powercuts.json").read_text(encoding="utf-8"))["worlds"]
    assert len(worlds) > 8
    assert not any("prefix" in name for name in worlds)


def test_mip_gets_it(tree: Path) -> None:
    """`make fmt` lists the file on the device for mip."""
    ended = run(tree, "tests.release.mip_lists")
    assert ended.returncode == 0, ended.stderr
    urls = json.loads((tree / "firmware" / "package.json").read_text(encoding="utf-8"))["urls"]
    assert ["startline/clouds/toy.py", "startline/clouds/toy.py"] in urls
    assert (
        len(urls) == len(json.loads((_ROOT / "firmware" / "package.json").read_text())["urls"]) + 1
    )


def test_it_takes_two_files(tree: Path) -> None:
    """Beside the two, no file knows its name."""
    named = {
        path.relative_to(tree).as_posix()
        for path in tree.rglob("*.py")
        if "toy" in path.read_text(encoding="utf-8").lower()
    }
    assert named - {*_FILES.values()} == set()

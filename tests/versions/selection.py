"""Which tests run on which MicroPython: the unix port, and the official builds by `--versions`.

Each test that boots the agent runs on the unix port. On every version that `--versions` names, in
`make versions`, each runs again. Without a word, in `make test`, the oldest and the newest version
run the tests that need no network, and every sixteenth of the others.
"""

from __future__ import annotations

from zlib import crc32

import pytest

from tests.versions.official import NEWEST, OLDEST, VERSIONS, program

UNIX = "unix"
FEW, ALL, NONE = "few", "all", "none"
_ONE_IN = 16

MARKERS = (
    "offline: boots the agent without a network; runs on other versions of MicroPython as well",
    "unix_port: measures what the unix port alone can, such as a heap of a given size",
)


def add_option(parser: pytest.Parser) -> None:
    """Let the command line say which versions run."""
    parser.addoption(
        "--versions",
        default=FEW,
        choices=(FEW, ALL, NONE, *VERSIONS),
        help="official builds of MicroPython to run the agent's tests on (default: few)",
    )


def chosen(config: pytest.Config) -> tuple[str, ...]:
    """Return the versions that the command line asks for."""
    word = config.getoption("--versions")
    return {FEW: (OLDEST, NEWEST), ALL: VERSIONS, NONE: ()}.get(word, (word,))


def run_on_versions(metafunc: pytest.Metafunc) -> None:
    """Make one test of each VM out of a test that boots the agent.

    Such a test uses the fixture `lib`, the compiled agent, or is marked `offline`.
    """
    markers = {marker.name for marker in metafunc.definition.iter_markers()}
    if "unix_port" not in markers and (
        {"lib"} & set(metafunc.fixturenames) or "offline" in markers
    ):
        metafunc.parametrize("vm", [UNIX, *chosen(metafunc.config)], indirect=True)


def thin_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take most tests with a network out, where only a few were asked for."""
    if config.getoption("--versions") != FEW:
        return
    out = [item for item in items if _on_version(item) and not _is_kept(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        left = set(items) - set(out)
        items[:] = [item for item in items if item in left]


def _on_version(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.params.get("vm", UNIX) != UNIX


def _is_kept(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("offline")) or not crc32(item.nodeid.encode()) % _ONE_IN


def use(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every MicroPython that this test starts be of that version."""
    if version != UNIX:
        monkeypatch.setenv("MICROPYTHON", program(version))

"""The pytest plugin: a reader, its cloud and its station as fixtures, virtual or on a board.

Load it with `-p startline_host.bench.pytest_plugin`, for example in `addopts`; a test run without
that has none of its fixtures, options or markers. The fixtures are `startline_device`,
`startline_cloud` and `startline_station`; with `startline_short_names = true` in pytest's settings
they also have the names `device`, `cloud` and `station`.

Nothing of the bench is imported before a test asks for one of them.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from startline_host.bench.scenarios.base_flash import BaseFlash
    from startline_host.bench.scenarios.board_rig import BorrowedBoard
    from startline_host.bench.scenarios.rig import Rig
    from startline_host.bench.scenarios.transcript import Transcript
    from startline_host.bench.station import BenchDevice, BenchStation
    from startline_host.mock_cloud import MockCloud

MARKER = """startline(app=None, key="WRITE", cloud={}, given={}): how the fixtures are made: a folder with app.py beside the test, the claim key's access type, options
of MockCloud, and what the device is provisioned with."""
_TRANSCRIPT = pytest.StashKey["tuple[Transcript, MockCloud]"]()
#: A real chip joins and handshakes for real; in seconds on top of every limit.
_BOARD_SLACK = 15


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose a real board."""
    group = parser.getgroup("startline")
    group.addoption("--startline-port", metavar="URL", help="test on the board at this port")
    group.addoption("--startline-board", default="ESP32_GENERIC", help="which board that is")
    group.addoption("--startline-cloud", help="the cloud whose mock is run")
    group.addoption("--startline-ssid", default="", help="the Wi-Fi that it is to join")
    group.addoption("--startline-cloud-host", default="localhost",
                    help="this computer, as that board knows it")  # fmt: skip
    parser.addini("startline_app", "folder with the app.py to test", default="")
    parser.addini("startline_short_names", "name the fixtures device, cloud and station, too",
                  type="bool", default=False)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and the short names where they are wanted."""
    config.addinivalue_line("markers", " ".join(MARKER.split()))
    if config.getini("startline_short_names"):
        config.pluginmanager.register(ShortNames(), "startline_short_names")


class ShortNames:
    """The fixtures under short names, for projects that have no such fixtures of their own."""

    @pytest.fixture
    def device(self, startline_device: BenchDevice) -> BenchDevice:
        """Provide `startline_device`."""
        return startline_device

    @pytest.fixture
    def cloud(self, startline_cloud: MockCloud) -> MockCloud:
        """Provide `startline_cloud`."""
        return startline_cloud

    @pytest.fixture
    def station(self, startline_station: BenchStation) -> BenchStation:
        """Provide `startline_station`."""
        return startline_station


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a marker with a name or a value that nothing can be made of, before any test runs."""
    for item in items:
        for mark in item.iter_markers("startline"):
            for wrong in _wrong_in(mark, item.path.parent):
                raise pytest.UsageError(f"{item.nodeid}: the marker startline {wrong}")


def _wrong_in(mark: pytest.Mark, folder: Path) -> Iterator[str]:
    """Say what is wrong with a marker; nothing of one that is right."""
    from startline_host.bench.scenarios.model import ReaderSettings
    from startline_host.errors import BadInput
    from startline_host.mock_cloud import MockOptions
    from startline_host.mock_cloud.keys import ACCESS
    from startline_host.schema_words import checked

    given = mark.kwargs
    if mark.args:
        yield f"takes names only, not {mark.args[0]!r}"
    if strangers := given.keys() - {"app", "key", "cloud", "given"}:
        yield f"knows no {min(strangers)!r}"
    if given.get("key", "WRITE") not in list(ACCESS):
        yield f"has key={given['key']!r}; it is one of {', '.join(ACCESS)}"
    app = given.get("app") or "."
    if not (isinstance(app, str | Path) and (folder / app).is_dir()):
        yield f"has app={app!r}, which is no folder beside the test"
    for name, kind in (("cloud", MockOptions), ("given", ReaderSettings)):
        values = given.get(name, {})
        if not isinstance(values, dict):
            yield f"has {name}={values!r}, which is no dictionary"
        if strangers := values.keys() - set(inspect.signature(kind).parameters):
            yield f"has {name}={values!r}, in which {min(strangers, key=str)!r} is no name of {kind.__name__}"
    yield from _wrong_in_cloud(given.get("cloud", {}))
    try:
        checked(given.get("given", {}), ReaderSettings)
    except BadInput as error:
        yield f"has given={given['given']!r}: {error.message}"


def _wrong_in_cloud(given: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with a marker's options of the mock, whose names are right."""
    from startline_host.errors import StartlineError
    from startline_host.mock_cloud import MockCloud, MockOptions

    for name, value in given.items():
        usual = inspect.signature(MockOptions).parameters[name].default
        if isinstance(usual, str | int) and type(value) is not type(usual):
            yield f"has cloud={{{name!r}: {value!r}}}, which is no {type(usual).__name__}"
        if isinstance(usual, tuple) and not isinstance(value, list | tuple):
            yield f"has cloud={{{name!r}: {value!r}}}, which is no list"
    if given:
        try:
            MockCloud(
                MockOptions(**{"proxied": True, **given, "port": 0, "http_port": None})
            ).close()
        except StartlineError as error:
            yield f"has cloud={given!r}: {error.message}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Show, below a failed test, what reader, cloud and bench did."""
    report: Any = yield
    seen = item.stash.get(_TRANSCRIPT, None)
    if seen is not None and report.when == "call" and report.failed:
        transcript, cloud = seen
        transcript.requests("cloud", cloud.requests)
        from startline_host.bench.scenarios.transcript import log_lines

        report.sections.append(("startline", "\n".join(log_lines(transcript.entries()))))
    return report


@pytest.fixture(scope="session")
def _startline_bases() -> dict[Path | None, BaseFlash]:
    """Keep the flash images of a session: compiling the agent once is enough."""
    return {}


@pytest.fixture(scope="session")
def _startline_board() -> Iterator[ExitStack]:
    """Keep a borrowed board for a session, and give it back at its end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def startline_cloud(request: pytest.FixtureRequest) -> Iterator[MockCloud]:
    """Run a mock cloud for one test; the marker's `cloud` are options of `MockCloud`."""
    from startline_host.clouds.cloud_registry import find_cloud

    options = {"proxied": True, "seed": 0} | _marked(request).get("cloud", {})
    host = request.config.getoption("--startline-cloud-host")
    if host != "localhost":
        options |= {"host": "0.0.0.0", "names": (host,)}  # noqa: S104 - a board has to reach it
    with _named_extras():
        from startline_host.mock_cloud import MockOptions

        mock = find_cloud(_cloud_name(request)).played.make_mock(MockOptions(**options))
    with mock as running:
        yield running


@pytest.fixture
def startline_station(
    request: pytest.FixtureRequest,
    startline_cloud: MockCloud,
    tmp_path: Path,
    _startline_bases: dict[Path | None, BaseFlash],
    _startline_board: ExitStack,
) -> Iterator[BenchStation]:
    """Set up a bench around the cloud; devices are made with `startline_station.device()`."""
    import msgspec

    from startline_host.bench.scenarios.model import ReaderSettings
    from startline_host.bench.scenarios.provisioning import Provisioner
    from startline_host.bench.scenarios.transcript import Transcript
    from startline_host.bench.station import BenchStation
    from startline_host.flows.mock_link import CloudLink

    marked = _marked(request)
    port = request.config.getoption("--startline-port")
    ssid = request.config.getoption("--startline-ssid")
    given = msgspec.convert({"boot_limit": 12} | marked.get("given", {}), ReaderSettings)
    link = CloudLink(ssid=ssid, password=_wifi_password()) if ssid else CloudLink()
    slack = _BOARD_SLACK if port else 0
    base = _base(request, _startline_bases)
    cloud = _cloud_name(request)
    key, led = marked.get("key", "WRITE"), base.board.led
    provisioner = Provisioner(startline_cloud, key, cloud, link, slack, led)
    transcript = Transcript(provisioner.secrets())
    request.node.stash[_TRANSCRIPT] = (transcript, startline_cloud)
    with _rig(port, base, tmp_path, transcript, _startline_board) as rig:
        yield BenchStation(rig, startline_cloud, provisioner, transcript, given)


@pytest.fixture
def startline_device(startline_station: BenchStation) -> BenchDevice:
    """Provide a reader with the agent and the app under test, provisioned and off."""
    return startline_station.device()


@contextlib.contextmanager
def _named_extras() -> Iterator[None]:
    """Say in one sentence which part of startline is not installed."""
    from startline_host.extras import missing

    try:
        yield
    except ImportError as error:
        told = missing(error)
        if told is None:
            raise
        pytest.fail(f"{told.message} {told.hint}", pytrace=False)


def _cloud_name(request: pytest.FixtureRequest) -> str:
    from startline_host.clouds.cloud_registry import DEFAULT_CLOUD

    return str(request.config.getoption("--startline-cloud") or DEFAULT_CLOUD)


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Merge the markers of a test; the closest one counts."""
    found: dict[str, Any] = {}
    for mark in request.node.iter_markers("startline"):
        found = {**mark.kwargs, **found}
    return found


def _base(request: pytest.FixtureRequest, bases: dict[Path | None, BaseFlash]) -> BaseFlash:
    from startline_host.bench.scenarios.base_flash import VIRTUAL_BOARD, make_base
    from startline_host.boards import load_board
    from startline_host.device.port import check_present
    from startline_host.errors import BadInput
    from startline_host.formats.bytecode import owner_files

    named = _marked(request).get("app")
    ini = request.config.getini("startline_app")
    app = None
    if named:
        app = (request.path.parent / named).resolve()
    elif ini:
        app = (request.config.rootpath / ini).resolve()
    if app not in bases:
        port = request.config.getoption("--startline-port")
        board = request.config.getoption("--startline-board") if port else VIRTUAL_BOARD
        if port:
            check_present(port)
        try:
            own = owner_files(app) if app else None
        except BadInput as error:
            raise BadInput(f"{app}: {error.message}", error.hint) from None
        bases[app] = make_base(load_board(board), own=own)
    return bases[app]


def _rig(
    port: str | None, base: BaseFlash, folder: Path, transcript: Transcript, stack: ExitStack
) -> Rig:
    if port is None:
        from startline_host.bench.scenarios.virtual_rig import VirtualRig

        return VirtualRig(base, folder, transcript)
    return _borrowed(port, base, stack).rig(transcript, threading.Event(), None)


def _borrowed(port: str, base: BaseFlash, stack: ExitStack) -> BorrowedBoard:
    """Borrow the board once for as long as the same app is tested on it."""
    from startline_host.bench.scenarios.board_rig import borrowed_board

    held: BorrowedBoard | None = getattr(stack, "borrowed", None)
    if held is None or held.base is not base:
        stack.close()
        held = stack.enter_context(borrowed_board(port, base))
        setattr(stack, "borrowed", held)  # noqa: B010 - the stack is the session's only keeper
    return held


def _wifi_password() -> Any:
    import os

    from startline_host.secrets import Secret

    password = os.environ.get("STARTLINE_WIFI_PASSWORD", "")
    return Secret(password) if password else None

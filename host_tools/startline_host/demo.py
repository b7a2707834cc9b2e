"""`make bench`: a blank virtual reader is bound once, loses power, stays bound, and times a race.

Each act types the commands that a person would type, so what is shown is the product itself.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from startline_host.clouds.cloud_kind import CloudDemo
from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud, sound_clouds
from startline_host.demo_race import WIFI, DemoRace
from startline_host.device.port_session import PortSession
from startline_host.errors import BadInput, Bug, StartlineError, WouldTouchBound
from startline_host.flows.first_boot import FirstBootOutcome, follow_first_boot
from startline_host.flows.notice_view import ConsoleNoticeView
from startline_host.flows.restart import restart
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.secrets import child_environment
from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32
from startline_host.virtual.time_server import TimeServer
from startline_host.virtual.world_file import write_world

_BOARD = "VIRTUAL_ESP32"
_KEY, _READ_KEY = "STARTLINE_CLAIM_KEY", "STARTLINE_READ_KEY"
_BOOT_SECONDS = 60.0
#: What every verb ends with, and a shell reports, after Ctrl-C.
_INTERRUPTED = 130

_SETTINGS = """\
[claim]
cloud = "{cloud}"
base_url = "{base_url}"
{claim}
[net]
ssid = "bench"
password_file = "wifi-password"

[tls]
ca = "ca.pem"

[run]
key = "same"

[race]
servers = ["{time_server}"]
"""


class Demo:
    """The acts in their order; each raises StartlineError where what it shows is not so."""

    def __init__(
        self, folder: Path, name: str, cloud: MockCloud, console: Console, app: Path | None
    ) -> None:
        self._folder = folder
        self._name = name
        self._kind = find_cloud(name)
        self._played, self._story = self._kind.played, _story_of(name)
        self._cloud = cloud
        self._base_url = self._played.base_url(cloud)
        self._console = console
        self._app = app
        self._flash = folder / "reader.flash"
        self._world = folder / "world.json"
        self._environment = {
            **child_environment(),
            _KEY: cloud.keys["WRITE"],
            _READ_KEY: cloud.keys["READ"],
        }

    def tell(self) -> str:
        """Run every act and return the token that the reader ended with."""
        with TimeServer() as clock:
            self._prepare(clock.server)
            token = self._bind()
            if self._app and self._story.passings:
                self._act("A race: 200 runners, Wi-Fi that goes, power that goes")
                passings = partial(self._story.passings, self._cloud)
                DemoRace(self._flash, self._world, passings, self._note).run()
        return token

    def _bind(self) -> str:
        with VirtualEsp32(self._flash, world=self._world) as chip:
            self._act(f"A blank ESP32 and a mock {self._kind.title}")
            self._note(f"chip   {chip.url}")
            self._note(f"cloud  {self._base_url}, TLS from its own CA")
            self._act("From blank to bound, in one command")
            self._up(chip.url, expect=0)
            self._act("The power is cut: kill -9")
            chip.kill()
        write_world(self._world, {"access_points": {}})
        with VirtualEsp32(self._flash, world=self._world) as chip:
            self._act("Power again, and no Wi-Fi anywhere: still bound, the network untouched")
            outcome = self._watch(chip.url)
            self._act("The same command once more: the device is bound, and is left alone")
            self._up(chip.url, expect=WouldTouchBound.exit_code)
        self._act("What the cloud saw")
        self._check_cloud()
        return outcome.token

    def _prepare(self, time_server: str) -> None:
        (self._folder / "ca.pem").write_bytes(self._cloud.ca_pem)
        password = self._folder / "wifi-password"
        password.touch(mode=0o600)
        password.write_text("bench-wifi\n", encoding="utf-8")
        written = _SETTINGS.format(
            cloud=self._name,
            base_url=self._base_url,
            claim=self._played.settings.format(key_env=_KEY),
            time_server=time_server,
        )
        (self._folder / "settings.toml").write_text(written, encoding="utf-8")
        write_world(self._world, WIFI)

    def _up(self, url: str, *, expect: int) -> None:
        arguments = ["up", "--port", url, "--board", _BOARD, "--settings", "settings.toml",
                     "--serial", self._story.serial, "--model", self._story.model]  # fmt: skip
        arguments += ["--app", str(self._app)] if self._app else []
        shown = " ".join(f'"{word}"' if " " in word else word for word in arguments)
        self._note(f"$ startline {shown}", style="bold")
        ended = subprocess.run(
            [sys.executable, "-m", "startline_host", *arguments],
            cwd=self._folder,
            env=self._environment,
            check=False,
        )
        self._note(f"exit code {ended.returncode}")
        if ended.returncode != expect:
            raise Bug(f"`startline up` ended with {ended.returncode} instead of {expect}.")

    def _watch(self, url: str) -> FirstBootOutcome:
        with PortSession(url) as line, ConsoleNoticeView(self._console) as view:
            restart(line)
            outcome = follow_first_boot(line.port(), Deadline(_BOOT_SECONDS), view)
        if outcome.token != self._story.token or not outcome.bound:
            raise Bug(
                f"After the power cut the reader is {outcome.state}, deviceid "
                f"{outcome.token or 'none'}; it should be bound as {self._story.token}."
            )
        return outcome

    def _check_cloud(self) -> None:
        posts = [
            entry
            for entry in self._cloud.requests
            if entry.method == "POST" and entry.path == self._played.bind_path
        ]
        for entry in posts:
            body = entry.body.decode("utf-8")
            self._note(f"{entry.method} {entry.path}  {body}")
            self._note(f"  {entry.status}  {' '.join(entry.answer.decode('utf-8').split())}")
        devices = self._played.devices(self._cloud)
        if len(posts) != 1 or len(devices) != 1:
            raise Bug(f"The cloud saw {len(posts)} bind requests instead of one.")
        if self._story.note:
            self._note(self._story.note)
        self._note("One bind request in all.")

    def _act(self, title: str) -> None:
        self._console.print(f"\n[bold]{title}[/bold]")

    def _note(self, text: str, style: str = "") -> None:
        self._console.print(f"  {text}", style=style, markup=False, soft_wrap=True)


def _told_clouds() -> list[str]:
    return [name for name, cloud in sound_clouds().items() if cloud.demo is not None]


def _story_of(name: str) -> CloudDemo:
    story = find_cloud(name).demo
    if story is None:
        raise BadInput(
            f"The cloud {name!r} has no demo.",
            f"Add a `demo` to its file on the host; clouds with one are: {', '.join(_told_clouds())}.",
        )
    return story


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story on the terminal; return 0, or the exit code of what went wrong, or of Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cloud", metavar="NAME", default=DEFAULT_CLOUD)
    parser.add_argument("--app", type=Path, help="folder with the app.py that times the race")
    given = parser.parse_args(arguments)
    console = Console(highlight=False)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="startline-") as folder,
            find_cloud(given.cloud).played.make_mock(
                MockOptions(answer_form="documented")
            ) as cloud,
        ):
            token = Demo(
                Path(folder), given.cloud, cloud, console, given.app and given.app.resolve()
            ).tell()
    except StartlineError as error:
        console.print(f"startline: {error.message} {error.hint}", markup=False, style="red")
        return error.exit_code
    except KeyboardInterrupt:
        console.print("startline: Interrupted.", style="red")
        return _INTERRUPTED
    console.print("\n[bold green]Bound, verified, ready to time.[/bold green]")
    console.print(f"deviceid {token}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

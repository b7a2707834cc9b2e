"""Runs a verb of the command line against a reader, as an operator would type it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from startline_host.bench.scenarios.model import ReaderSettings
from startline_host.bench.scenarios.provisioning import Provisioner
from startline_host.clouds.cloud_registry import find_cloud
from startline_host.errors import TimedOut
from startline_host.mock_cloud import MockCloud
from startline_host.secrets import child_environment

#: Verbs that take the settings file and one unit's identity.
_LOADING = ("up", "provision")
#: Verbs that ask the cloud, which the settings file names.
_ASKING = ("reconcile",)
_SECONDS = 90.0
_CLAIM_KEY, _WIFI, _READ_KEY = "BENCH_CLAIM_KEY", "BENCH_WIFI", "STARTLINE_READ_KEY"


class CommandResult(msgspec.Struct, frozen=True):
    """How a command ended: what was typed, its exit code, and everything that it said."""

    typed: str
    code: int
    said: str


class CommandLine:
    """The command line of one case; `folder` is where its settings file goes."""

    def __init__(
        self, folder: Path, cloud: MockCloud, provisioner: Provisioner, board: str
    ) -> None:
        self._folder = folder
        self._cloud = cloud
        self._provisioner = provisioner
        self._board = board

    def run(
        self, words: Sequence[str], url: str, given: ReaderSettings, key: str | None
    ) -> CommandResult:
        """Run `startline WORDS` on the reader at `url`. Raises TimedOut."""
        arguments = [*words, "--port", url]
        environment = {**child_environment(), "NO_COLOR": "1", "COLUMNS": "100"}
        environment[_CLAIM_KEY] = self._provisioner.key(given.key).reveal()
        environment[_WIFI] = given.password
        environment[_READ_KEY] = self._provisioner.key(key or "READ").reveal()
        if words[0] in _LOADING + _ASKING:
            arguments += ["--settings", "settings.toml"]
            self._write_settings(given)
        if words[0] in _LOADING:
            arguments += ["--board", self._board]
            arguments += ["--serial", given.serial, "--model", given.model]
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "startline_host", *arguments],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TimedOut(f"`startline {words[0]}` did not end in {_SECONDS:.0f} s.") from None
        said = ended.stdout.decode("utf-8", "replace")
        return CommandResult("startline " + " ".join(arguments), ended.returncode, said)

    def _write_settings(self, given: ReaderSettings) -> None:
        name = self._provisioner.cloud_name
        claim = find_cloud(name).played.settings.format(key_env=_CLAIM_KEY)
        (self._folder / "ca.pem").write_bytes(self._cloud.ca_pem)
        (self._folder / "settings.toml").write_text(
            f'[claim]\ncloud = "{name}"\nbase_url = "{self._provisioner.base_url}"\n'
            f'{claim}[net]\nssid = "{given.ssid}"\npassword_env = "{_WIFI}"\n'
            f'[tls]\nca = "ca.pem"\n[set]\nboot_limit = {given.boot_limit}\n',
            encoding="utf-8",
        )

"""`startline cloud` as a person runs it."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from startline_host.cli.cloud import command
from startline_host.errors import BadInput
from startline_host.mock_cloud.foreground import is_loopback, own_names

from .conftest import SEED_BODY, SEED_ID

COMMAND = [sys.executable, "-m", "startline_host", "cloud"]
FREE = ["--port", "0", "--http-port", "0"]


@contextmanager
def running(*arguments: object) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """Run the command until the block ends; give what it printed as JSON, and the process."""
    with subprocess.Popen(
        [*COMMAND, *FREE, "--json", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["fields"], process
        finally:
            process.kill()


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(signal_number: signal.Signals) -> None:
    """Address, CA file and keys are printed and right; Ctrl-C ends it with 0 and removes the CA."""
    with running("--answer-form", "documented", "--faults", "status:503x1") as (told, process):
        ca = Path(told["ca_file"])
        trust = ssl.create_default_context(cafile=str(ca))
        keys = {one["access"]: one["key"] for one in told["keys"]}
        with httpx.Client(
            verify=trust, trust_env=False, headers={"api_key": keys["WRITE"]}
        ) as http:
            url = told["base_url"] + "/devices"
            assert http.post(url, content=SEED_BODY).status_code == 503
            assert SEED_ID in http.post(url, content=SEED_BODY).text
            assert http.get(told["page_url"]).status_code == 200
            assert http.post(told["vms_url"] + "/api/v1/billing/devices/check").status_code == 422
        process.send_signal(signal_number)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "Ctrl-C stops it.\n")
        assert not ca.exists()


def test_rules_for_passings_are_options() -> None:
    """What is given for sessions and passings is what the cloud described and the page shows."""
    rules = ("--lenient", "--duplicates", "number", "--largest-list", "5", "--largest-body", "9999",
             "--stale-after", "60", "--future-after", "60", "--partial-insertion")  # fmt: skip
    with running("--no-tls", *rules) as (told, _):
        page = told["page_url"]
        described = httpx.get(f"{page}openapi.json", trust_env=False).json()
        about = httpx.get(f"{page}_page/state", trust_env=False).json()["about"]
    form = described["components"]["schemas"]["OlderPassingsRequest"]
    assert form["properties"]["passings_list"]["maxItems"] == 5
    assert "9999 bytes" in str(described["paths"]["/v0/passings"]["post"]["responses"]["413"])
    assert (about["requests"], about["duplicates"]) == ("lenient", "number")


def test_it_prints_for_people_too() -> None:
    """Without --json there are lines to read, each with its name."""
    with subprocess.Popen(
        [*COMMAND, *FREE, "--no-tls"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(5)]
        finally:
            process.kill()
    assert lines[0].startswith("RUFUS base URL  http://localhost:")
    assert "none: plain HTTP" in lines[2]
    assert lines[4].startswith("key")


def test_beyond_loopback_there_is_a_warning_and_a_password() -> None:
    """On another address the page wants the password that was printed, and a warning says why."""
    with running("--host", "0.0.0.0") as (told, process):  # noqa: S104 - this is the test
        assert httpx.get(told["page_url"], trust_env=False).status_code == 401
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert "Warning: 0.0.0.0 can be reached from other computers" in errors
    assert "password is " in errors


def test_bad_input_is_told_in_a_sentence(tmp_path: Path) -> None:
    """A port in use, an unknown fault, a file that is no database, and others have exit codes."""
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"this is no database, but long enough to be taken for one" * 20)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, code, words in (
            (["--port", port, "--http-port", "0"], 20, f"Port {port} on 127.0.0.1 is in use"),
            ([*FREE, "--faults", "bogus"], 60, "There is no fault 'bogus'"),
            ([*FREE, "--db", junk], 60, "cannot be used as the cloud's database"),
            ([*FREE, "--db", tmp_path / "no" / "x.db"], 60, "cannot be made"),
            ([*FREE, "--ca-file", tmp_path / "no" / "ca.pem"], 60, "cannot be written"),
            ([*FREE, "--host", "192.0.2.77"], 60, "Nobody can listen on 192.0.2.77"),
            (["--port", "70000"], 2, "70000 is not in the range"),
        ):
            ended = run(*arguments)
            assert ended.returncode == code, ended.stderr
            assert words in " ".join(ended.stderr.replace("│", " ").split())
            assert "Traceback" not in ended.stderr


def keys(*arguments: object) -> Any:
    """Run `cloud keys` in this process and return what it prints as JSON."""
    result = CliRunner().invoke(command, ["keys", *map(str, arguments), "--json"])
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)["keys"]


def test_keys_are_made_and_removed(tmp_path: Path) -> None:
    """Keys are added for a company, listed with numbers, and removed by number."""
    db = tmp_path / "cloud.db"
    keys("--db", db, "add", "WRITE", "--company", "Zed", "--alias", "gate")
    listed = keys("--db", db, "add", "READ", "--company", "Zed")
    assert [(one["number"], one["access"], one["company"]) for one in listed] == [
        (1, "WRITE", "Zed"), (2, "READ", "Zed"),
    ]  # fmt: skip
    assert [one["access"] for one in keys("--db", db, "remove", 1)] == ["READ"]
    with pytest.raises(BadInput, match="no key number 9"):
        keys("--db", db, "remove", 9)
    assert db.stat().st_mode & 0o077 == 0


def test_a_made_key_works_in_the_cloud(tmp_path: Path) -> None:
    """A cloud with that database takes the key, for that company only."""
    db = tmp_path / "cloud.db"
    keys("--db", db, "add", "READ_WRITE", "--company", "Zed")
    with running("--db", db, "--no-tls") as (told, _):
        mine = next(one["key"] for one in told["keys"] if one["company"] == "Zed")
        answer = httpx.get(
            told["base_url"] + "/devices", headers={"api_key": mine}, trust_env=False
        )
        assert answer.json()["result"] == []


def test_faults_are_listed() -> None:
    """Every fault stands in the list with what it does."""
    result = CliRunner().invoke(command, ["faults"])
    assert "commit_then_drop" in result.stdout
    assert "half_close_up" in result.stdout
    rows = json.loads(CliRunner().invoke(command, ["faults", "--json"]).stdout)["faults"]
    assert {"name", "says", "number", "bytes"} == rows[0].keys()


def test_what_counts_as_loopback() -> None:
    """Loopback is this computer alone, and every other host is not."""
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.4", "bench.local")))  # noqa: S104
    assert own_names("192.0.2.5")[0] == "192.0.2.5"
    assert socket.gethostname().lower() in own_names("0.0.0.0")  # noqa: S104

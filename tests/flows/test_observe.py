"""What `status` makes of a reader that is listened to."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from startline_host.errors import DeviceSilent, StartlineError
from startline_host.flows.observe import DeviceStatus, listen_for_status
from tests.flows.test_event_fuzz import Script, sealed

StatusOf = Callable[[bytes], DeviceStatus]


class ObservedReader(Script):
    """A reader that says its piece; time passes only while nothing comes, however busy this is."""

    now = 0.0

    def read(self, seconds: float) -> bytes:
        """Return the next piece, or let the time pass."""
        piece = super().read(seconds)
        if not piece:
            self.now += seconds
        return piece


@pytest.fixture
def status_of(monkeypatch: pytest.MonkeyPatch) -> StatusOf:
    """Give what listens to a reader that says this and no more."""

    def listen(said: bytes) -> DeviceStatus:
        reader: Any = ObservedReader(said)
        monkeypatch.setattr(
            "startline_host.util.time", SimpleNamespace(monotonic=lambda: reader.now)
        )
        return listen_for_status(reader, 3.0)

    return listen


@pytest.mark.parametrize(
    "said",
    [
        '{"ev":"race","n":9,"ms":5,"session":"","sending":false,"reason":"idle"',
        '{"ev":"race_session","n":9,"ms":5,"state":"open","alias":"Saturday"',
    ],
)
def test_a_reader_that_times_is_known_to_be_bound(status_of: StatusOf, said: str) -> None:
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
def test_a_chip_in_trouble_is_not_called_running(
    status_of: StatusOf, said: bytes, words: str, code: int
) -> None:
    """What a chip that cannot start prints is what there is to know, with its remedy."""
    with pytest.raises(StartlineError, match=words) as caught:
        status_of(said)
    assert caught.value.exit_code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "printed nothing in 3 s, so its state is not known"),
        (b"tag 1\ntag 2\n", "is running (2 lines in 3 s), and did not report"),
        (sealed('{"ev":"race","n":9,"ms":5,"reason":"not_bound"'), "is running (1 line in 3 s)"),
    ],
)
def test_a_state_that_is_not_known_is_no_guess(
    status_of: StatusOf, said: bytes, words: str
) -> None:
    """A quiet reader and a busy one end with 12, and with what asks them."""
    with pytest.raises(DeviceSilent) as caught:
        status_of(said)
    assert words in caught.value.message
    assert "startline status --interrupt" in caught.value.hint

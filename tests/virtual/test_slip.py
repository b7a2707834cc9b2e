"""Frames survive the line, however it cuts them."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from startline_host.virtual import slip

payloads = st.binary(min_size=1) | st.text("\xc0\xdb\xdc\xdd\x00", min_size=1).map(
    lambda text: text.encode("latin-1")
)


@given(st.lists(payloads), st.randoms(use_true_random=False))
def test_frames_come_out_as_they_went_in(frames: list[bytes], chance: random.Random) -> None:
    """Any frames, sent in pieces of any size, come out whole and in order."""
    line = b"".join(slip.encode(frame) for frame in frames)
    decoder, received = slip.SlipDecoder(), []
    while line:
        cut = chance.randint(1, len(line))
        received += decoder.feed(line[:cut])
        line = line[cut:]
    assert received == frames


def test_endless_noise_is_forgotten() -> None:
    """A line that never ends a frame does not fill the memory, and a frame after it arrives."""
    decoder = slip.SlipDecoder()
    for _ in range(100):
        assert decoder.feed(b"U" * 65536) == []
    decoder.feed(b"\xc0")
    assert decoder.feed(slip.encode(b"sound")) == [b"sound"]

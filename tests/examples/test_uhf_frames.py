"""What the example's reading of frames takes when bytes are lost on the way."""

from __future__ import annotations

import random
import runpy
from collections.abc import Callable
from pathlib import Path

from startline_host.race.day_app import APP
from startline_host.virtual.uhf_module import frame, tag_frame

SOURCE = Path(__file__).parents[2] / "examples" / "reader_app" / "uhf_frames.py"
SPLIT: Callable[[bytes], tuple[list[tuple[str, int]], bytes]] = runpy.run_path(str(SOURCE))[
    "split"
]
LONGEST_REST = 74
STREAMS = 3000


def read(stream: bytes, chunk: int) -> list[str]:
    """Return the chips in a stream that arrives in chunks."""
    found, rest = [], b""
    for at in range(0, len(stream), chunk):
        tags, rest = SPLIT(rest + stream[at : at + chunk])
        assert len(rest) < LONGEST_REST
        found += [chip for chip, _ in tags]
    return found


def test_the_race_day_s_readers_read_frames_as_the_example_does() -> None:
    """Both hold the same text."""
    text = SOURCE.read_text(encoding="utf-8")
    assert text[text.index("TAG, LONGEST") :] in APP.decode()


def test_a_frame_of_the_module_s_document_is_a_tag() -> None:
    """A frame that a real module sent is taken, with its CRC and its sum."""
    data = bytes.fromhex("BB02220011C9340030751FEB705C5904E3D50D703A76EF7E")
    assert SPLIT(data) == ([("30751FEB705C5904E3D50D70", -55)], b"")


def test_a_byte_that_is_wrong_makes_no_tag() -> None:
    """The end byte and the tag's CRC count, even where the sum is right."""
    good = tag_frame(bytes.fromhex("E2801160600002054C3A0001"))
    assert SPLIT(good[:-1] + b"\0")[0] == []
    swapped = bytearray(good)
    swapped[8], swapped[9] = good[9], good[8]
    assert SPLIT(bytes(swapped))[0] == []


def test_a_good_frame_within_a_bad_one_waits_for_nothing() -> None:
    """It is taken at once, although the bad one wants more bytes."""
    good = tag_frame(bytes.fromhex("E2801160600002054C3A0001"))
    assert SPLIT(b"\xbb\x02\x22\x00\x43" + good) == ([("E2801160600002054C3A0001", -60)], b"")


def test_lost_bytes_make_up_no_tag_and_cost_no_whole_one() -> None:
    """Spans are dropped at many places: exactly the frames that stayed whole come out."""
    chance = random.Random(5)
    for _ in range(STREAMS):
        stream, kept = b"", []
        chips = [chance.randbytes(chance.choice((4, 12, 12, 12, 16, 62))) for _ in range(16)]
        drop = chance.randrange(300)
        lost = range(drop, drop + chance.choice((1, 7, 24, 129, chance.randrange(1, 200))))
        for chip in chips:
            if not chance.randrange(4):
                stream += frame(1, 0xFF, b"\x15")
            one = tag_frame(chip, -chance.randrange(40, 70))
            if len(stream) + len(one) <= lost.start or len(stream) >= lost.stop:
                kept.append(chip.hex().upper())
            stream += one
        stream = stream[: lost.start] + stream[lost.stop :]
        found = read(stream, chance.choice((1, 24, 512)))
        names = [chip.hex().upper() for chip in chips]
        assert set(found) <= set(names)
        assert [chip for chip in found if chip in kept] == kept

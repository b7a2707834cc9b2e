"""What a device says of it when its memory runs out."""

from __future__ import annotations

from typing import Any

from pytest_mock import MockerFixture

from tests.firmware.nvs_chip import NvsChip, loaded, saved


def test_a_look_without_room_is_a_look_that_failed(mocker: MockerFixture) -> None:
    """Where memory runs out in a look the device stays unknown, says why, and looks again."""
    chip = NvsChip()
    saved(chip, "unknown")
    chip.restart()
    one: Any = loaded(chip)
    one.tries, one.looking = 1, True
    mocker.patch.object(one, "online")
    mocker.patch("startline.lookup._outcome", side_effect=MemoryError)
    told = mocker.patch.object(one, "emit")
    assert one.try_once() >= 0
    assert one.device.state == "unknown"
    name, fields = told.call_args.args
    assert (name, fields["step"], fields["reason"]) == ("failed", "answer", "no_memory")

"""What a device says of it when its memory runs out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_mock import MockerFixture
from startline.net import forget

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


def test_making_room_fails_for_nothing(mocker: MockerFixture) -> None:
    """Where there is no room to look for modules they stay: an answer that is being read is not lost."""
    modules = mocker.MagicMock()
    modules.__iter__.side_effect = MemoryError
    mocker.patch("startline.net.sys", SimpleNamespace(modules=modules))
    forget(("http_head",))
    assert modules.__iter__.called

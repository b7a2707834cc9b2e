"""A device that starts at once may be quicker than a busy computer: it is reset again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pytest_mock import MockerFixture

from startline_host.device.raw_repl import NoPrompt
from startline_host.flows.notices import Step
from startline_host.flows.take_prompt import take_prompt_at_start

RESETTING = Step("Resetting the device")


def line_of(mocker: MockerFixture) -> Any:
    """Make a line whose port has a wire for the reset."""
    port = SimpleNamespace(can_reset=True, reset=mocker.Mock())
    return SimpleNamespace(port=lambda: port)


def test_a_device_that_was_quicker_is_reset_again(mocker: MockerFixture) -> None:
    """Twice its program keeps the console; the third time the prompt is there."""
    line, said = line_of(mocker), list[object]()
    catch = mocker.Mock(side_effect=[NoPrompt(b"runs"), NoPrompt(b"runs"), None])
    repl: Any = SimpleNamespace(catch=catch)
    take_prompt_at_start(line, repl, said.append)
    assert said == [RESETTING, RESETTING]
    assert line.port().reset.call_count == 2


@pytest.mark.parametrize(("heard", "resets"), [(b"runs", 2), (b"", 0)])
def test_one_that_gives_up_no_prompt_is_not_reset_for_ever(
    mocker: MockerFixture, heard: bytes, resets: int
) -> None:
    """What talks is tried three times, what is silent once: it is not its program's speed."""
    line = line_of(mocker)
    repl: Any = SimpleNamespace(catch=mocker.Mock(side_effect=NoPrompt(heard)))
    with pytest.raises(NoPrompt):
        take_prompt_at_start(line, repl, lambda _: None)
    assert line.port().reset.call_count == resets

"""Statuses whose answer matters to people, from the mock cloud: refused with a reason, or looked up."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from startline_host.device.console import Event
from startline_host.device.event_text import describe_event
from startline_host.mock_cloud import MockCloud
from tests.firmware.conftest import MakeReader

WEB_PAGE = "the answer is a web page: a captive portal or a proxy may have sent it"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(407, "refused"), (426, "refused"), (451, "refused"), (408, "unknown"), (511, "unknown")],
)
def test_a_status_is_told_with_what_its_body_says(
    make_reader: MakeReader, cloud: MockCloud, status: int, outcome: str
) -> None:
    """A body's words are the reason, a page is named as one, and without words it is the status."""
    own = HTTPStatus(status).phrase
    for fault, said, reason in (
        ("status", f" ({own})", own),
        ("status_null", "", f"status {status}"),
        ("gateway_page", f" ({WEB_PAGE})", "web_page"),
    ):
        cloud.faults.turn_on(f"{fault}:{status}@POST")
        boot = make_reader(fault, boot_limit=20, unit={"serial": f"{fault}-{status}"}).boot()
        cloud.faults.turn_off(fault)
        (answer,) = boot.all("answer")
        told = (answer["status"], answer["outcome"], answer["reason"], boot.state)
        assert told == (status, outcome, reason, outcome)
        # A WRITE key cannot look: why it stays open stands beside the answer.
        assert boot.reason == (reason if outcome == "refused" else "cannot_look")
        words = describe_event(Event("answer", 0, 0, answer))
        assert words == f"the cloud answered {status}: {outcome}{said}"
    assert not cloud.devices()

"""A race day on a board at a port, which is lent for it and given back as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from startline_host.boards import Board
from startline_host.device.port_session import PortSession
from startline_host.flows.board_loan import (
    LOAN_MARK,
    LoanTerms,
    lent_board,
    neutral_provision,
    tell_identity,
)
from startline_host.flows.firmware_bundle import FirmwareBundle
from startline_host.flows.mock_link import EVERYWHERE, LOOPBACK, CloudLink, listens_on
from startline_host.flows.notices import Listener
from startline_host.mock_cloud import MockOptions
from startline_host.race.board_app import APP
from startline_host.race.board_reader import BoardDayReader
from startline_host.race.day_reader import DayReader
from startline_host.race.day_script import DayScript
from startline_host.race.day_venue import MODEL, DayCloud
from startline_host.virtual.time_server import TimeServer

_SERIAL = "DAY-1"


class BoardVenue:
    """The one board at `url`, which reaches the mock by `link`; this computer is `cloud_host` to it."""

    def __init__(
        self, url: str, bundle: FirmwareBundle, link: CloudLink, cloud_host: str, listen: Listener
    ) -> None:
        self._url = url
        self._bundle = msgspec.structs.replace(bundle, own={"/app.py": APP})
        self._link = link
        self._host = link.host_name(cloud_host)
        self._listen = listen
        self.row = bundle.table.get("race")

    @property
    def board(self) -> Board:
        """What kind of board it is."""
        return self._bundle.board

    def mock_options(self, seed: int) -> MockOptions:
        """Return those of a mock that the board reaches."""
        names = () if self._host == LOOPBACK else (self._host,)
        return MockOptions(seed=seed, host=listens_on(self._host), names=names)

    def time_server(self) -> TimeServer:
        """Return one that the board reaches."""
        if self._host == LOOPBACK:
            return TimeServer()
        return TimeServer(host=EVERYWHERE, name=self._host)

    @contextmanager
    def readers(
        self, script: DayScript, cloud: DayCloud, stop: threading.Event
    ) -> Iterator[list[DayReader]]:
        """Borrow the board; whatever ends the day, it is given back."""
        del script
        neutral = neutral_provision(_SERIAL, MODEL, cloud.mock.ca_der)
        terms = LoanTerms(bundle=self._bundle, neutral=neutral, races=True)
        base_url = cloud.base_url if self._link.over_usb else ""
        with lent_board(self._url, terms, self._listen), PortSession(self._url) as line:
            told = cloud.provision(_SERIAL, self._link.net(), LOAN_MARK)
            tell_identity(line.port(), told.on(self.board).image())
            yield [BoardDayReader(_SERIAL, line, stop, base_url)]

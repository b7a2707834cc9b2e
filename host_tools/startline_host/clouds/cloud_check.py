"""Reads a cloud's list of devices, and tells whether it knows this very device."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from startline.net.clock import same_time
from startline.net.device_list import LIKE, OTHER, SAME, UNCLEAR, ListPages

from startline_host.clouds.bound_device import BoundDevice
from startline_host.clouds.cloud_client import NOT_ALLOWED, cloud_client, may_not_look
from startline_host.clouds.device_entries import (
    CloudEntry,
    ListPage,
    agent_module,
    compare_serial,
    find_serial,
    read_page,
)
from startline_host.errors import CloudDisagrees, NetworkFailed, RefusedByCloud, StartlineError
from startline_host.formats.factory_partition import DeviceSettings
from startline_host.secrets import Secret
from startline_host.util import printable

_MAX_PAGES = 1000
#: A cloud may show a new device a moment late: seconds before it is asked again.
_PAUSES = (0.5, 1.5, 3.0)


class DeviceList(msgspec.Struct, frozen=True):
    """The list of a cloud whose module on the device has LIST; `headers` carry a key.

    Base URLs are those of `[claim]`, CAs are DER, and keys may read.
    """

    cloud: str
    headers: Callable[[Secret], Mapping[str, str]]

    def read(
        self, base_url: str, ca: Sequence[bytes], key: Secret, *, whole: bool = False
    ) -> list[CloudEntry]:
        """Return the whole list of the company's devices, every page of it.

        `whole` also wants all of one list, as `ListPages` has it: only then is absence worth
        something. Raises NetworkFailed, TlsFailed, RefusedByCloud or BadInput where it cannot be
        read to its end.
        """
        with cloud_client(base_url, ca, self.headers(key)) as client:
            return self._pages(client, whole=whole)

    def find(
        self, base_url: str, ca: Sequence[bytes], key: Secret, *, serial: str, token: str
    ) -> CloudEntry:
        """Return the entry of the device that has this serial number and token.

        Raises CloudDisagrees where the list tells another story, and NetworkFailed, TlsFailed or
        RefusedByCloud where it cannot be read.
        """
        with _known_as_bound(), cloud_client(base_url, ca, self.headers(key)) as client:
            for pause in (*_PAUSES, None):
                entries = self._pages(client)
                found = [entry for entry in entries if entry.has_token(token)]
                if found or pause is None:
                    break
                time.sleep(pause)
        return _judge(entries, serial, token)

    def check(self, device: BoundDevice, settings: DeviceSettings, key: Secret | None) -> str:
        """Say what the list has of a device that is bound. Raises what `find` does."""
        entry = self.find(
            settings.claim.base_url,
            settings.tls.ca,
            key or Secret(""),
            serial=device.serial,
            token=device.token,
        )
        if compare_serial(entry, device.serial, by_mark=False) == UNCLEAR:
            return (
                "The cloud knows this deviceid; the serial number that it has there, "
                f"{printable(entry.serial_number) or 'none'}, cannot be compared."
            )
        return "The cloud knows this very device."

    def _pages(self, client: httpx.Client, *, whole: bool = False) -> list[CloudEntry]:
        entries: list[CloudEntry] = []
        pages = ListPages()
        for number in range(1, _MAX_PAGES + 1):
            # Host and device ask for the same pages.
            path = agent_module(self.cloud).LIST[0] % number
            page = self._page(client, path, first=len(entries) + 1)
            if whole:
                if not _goes_on(pages, page):
                    return entries
            elif not page.entries or _is_last(path, page, len(entries) + len(page.entries)):
                return [*entries, *page.entries]
            entries += page.entries
        raise NetworkFailed("The cloud's list of devices does not end.")

    def _page(self, client: httpx.Client, path: str, *, first: int) -> ListPage:
        """Read a page, whose first entry has the number `first` in the list."""
        response = client.get(path)
        if response.status_code != httpx.codes.OK:
            raise _refused(response.status_code)
        try:
            date = response.headers.get("date", "").lower().encode()
            dated = same_time(int(time.time()), date)
            return read_page(self.cloud, response.content, first=first, dated=dated)
        except ValueError:
            raise NetworkFailed(
                "The cloud's list of devices cannot be read: it is not in the documented form."
            ) from None


@contextlib.contextmanager
def _known_as_bound() -> Iterator[None]:
    """Begin every failure of the check with what is known all the same."""
    try:
        yield
    except StartlineError as error:
        words = f"{error.message[:1].lower()}{error.message[1:]}"
        raise type(error)(f"The device is bound, but {words}", error.hint) from None


def _judge(entries: list[CloudEntry], serial: str, token: str) -> CloudEntry:
    found = find_serial(entries, serial, first=int(time.time()))
    named = found[SAME] + found[LIKE]
    held = [entry for entry in entries if entry.has_token(token)]
    if not held:
        known = "under another deviceid" if named else "not at all"
        raise CloudDisagrees(
            f"The device says that it is bound, but the cloud knows {printable(serial)} {known}.",
            "Does the READ key belong to the same company? Then: startline reconcile.",
        )
    if compare_serial(held[0], serial, by_mark=False) == OTHER:
        raise CloudDisagrees(
            f"The cloud knows this deviceid as {printable(held[0].serial_number)}, "
            f"and the device is {printable(serial)}.",
            "Settle it by hand before the reader is used.",
        )
    others = [entry for entry in named if not entry.has_token(token)]
    if others:
        raise CloudDisagrees(
            f"The cloud has {len(others) + 1} devices with the serial number {printable(serial)}.",
            "One of them is a leftover: unbind it in the cloud's own page.",
        )
    return held[0]


def _goes_on(pages: ListPages, page: ListPage) -> bool:
    """Take a page of a list that has to be whole, and tell whether to read on."""
    tokens = [entry.compared[0] for entry in page.entries]
    count = len(tokens)
    del tokens[1:-1]
    try:
        return bool(pages.more(tokens, count, page.total))
    except ValueError as error:
        words = {
            "list_incomplete": f"The cloud's list has {pages.total} devices, and {pages.count} of "
            "them came.",
            "list_changed": "The cloud's list changed while it was read.",
        }
        raise NetworkFailed(words[str(error)], "Run the command again.") from None


def _is_last(path: str, page: ListPage, count: int) -> bool:
    """Tell whether a page ends the list, whose entries are `count` with it."""
    if page.total >= 0:
        return count >= page.total
    limit = parse_qs(urlsplit(path).query).get("limit", ["1"])[0]
    return len(page.entries) < int(limit)


def _refused(status: int) -> StartlineError:
    if status in NOT_ALLOWED:
        return may_not_look(status)
    return RefusedByCloud(f"The cloud's list answers {status}.")

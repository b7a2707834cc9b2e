"""A list of devices in pages: read to its end, or no list."""

from __future__ import annotations

from pathlib import Path

import pytest
from startline.record.rules import unpack

from tests.firmware.looking import ListingCloud, entry, kinds, page, run
from tests.firmware.scripted import Script, answer


def test_pages_are_read_to_the_end(tmp_path: Path, lib: Path) -> None:
    """Pages are read until an empty one; a cloud without pages is read until it repeats itself."""
    pages = [page(entry(f"{n:064X}", serial=f"S{n}")) for n in range(3)]
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, *pages, page()) as server:
        boot = run(tmp_path, lib, server, boot_limit=20).boot()
        assert boot.one("look")["outcome"] == "unbound"
        assert kinds(server)[1:] == [f"GET /v0/devices?page={n}&limit=1000" for n in (1, 2, 3, 4)]
    with ListingCloud(error, pages[0]) as server:
        boot = run(tmp_path, lib, server, "second", boot_limit=20).boot()
        assert boot.one("look")["outcome"] == "unbound"
        assert len(kinds(server)) == 3


#: Pages, by the numbers of their entries and the total that each names, and why they are no list.
BROKEN_PAGES = {
    "one is missing": ([([1, 2], 5), ([3, 4], 5), ([], 5)], "list_incomplete"),
    "one too many": ([([1, 2], 3), ([3, 4], 3), ([], 3)], "list_incomplete"),
    "the total grew": ([([1, 2], 4), ([3, 4], 5), ([], 5)], "list_changed"),
    "the total fell": ([([1, 2], 4), ([3], 3), ([], 3)], "list_changed"),
    "they overlap": ([([1, 2], 3), ([2, 3], 3), ([], 3)], "list_changed"),
    "they overlap, of no total": ([([1, 2], None), ([2, 3], None)], "list_changed"),
    "the first one again and again": ([([1, 2], 4), ([1, 2], 4)], "list_incomplete"),
}


@pytest.mark.parametrize(("pages", "reason"), BROKEN_PAGES.values(), ids=BROKEN_PAGES.keys())
def test_pages_that_are_no_whole_list(
    tmp_path: Path, lib: Path, pages: list[tuple[list[int], int | None]], reason: str
) -> None:
    """Pages that lack one, or were changed while they were read, prove nothing."""
    error: Script = [answer("500 Oops", b"")]
    scripts = [
        page(*[entry(f"{n:064X}", serial=f"S{n}") for n in numbers], pagination={"total": total})
        for numbers, total in pages
    ]
    with ListingCloud(error, *scripts, [None]) as server:
        reader = run(tmp_path, lib, server, boot_limit=8)
        boot = reader.boot()
        assert boot.all("look") == []
        assert boot.failures()[0] == ("answer", reason)
        assert unpack(reader.blob).looks == 0


@pytest.mark.unix_port
def test_a_long_page_in_a_small_heap(tmp_path: Path, lib: Path) -> None:
    """Five thousand devices on one page are read in the heap that a first boot has anyway."""
    entries = [
        {**entry(f"{n:064X}", "2.0.0+sl.00000000", f"READER-{n:05}"), "alias": 'Çıkış \\ "1"'}
        for n in range(5000)
    ]
    error: Script = [answer("500 Oops", b"")]
    with ListingCloud(error, page(*entries), page()) as server:
        boot = run(tmp_path, lib, server, boot_limit=60).boot(heap="85k")
        assert boot.one("look")["outcome"] == "unbound"

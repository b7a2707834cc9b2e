"""LittleFS images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from startline_host.errors import BadInput, DeviceSilent
from startline_host.formats.littlefs_image import list_filesystem, make_filesystem, read_filesystem

if TYPE_CHECKING:
    from tests.formats.conftest import Mount

VFS_SIZE = 0x1FA000
FILES = {
    "/boot.py": b"",
    "/main.py": b"print('main')\n",
    "/lib/startline/__init__.mpy": bytes(range(256)) * 3,
    "/lib/startline/clouds/rufus.mpy": b"M\x06" * 5000,
    "/data/exactly-inline": b"x" * 128,
    "/data/over-inline": b"x" * 129,
}


def test_the_real_vm_mounts_it_with_exactly_the_partitions_size(mount: Mount) -> None:
    """MicroPython mounts the image, reads every file, and writes to it; we read that back."""
    seen = mount(make_filesystem(FILES, VFS_SIZE))
    assert seen.blocks == VFS_SIZE // 4096
    assert seen.files == FILES
    changed = {"/main.py": b"changed" * 100, "/app.py": b"new"}
    assert read_filesystem(seen.after) == FILES | changed


def test_the_image_says_disk_version_2_0_and_its_block_count() -> None:
    """The superblock names version 2.0, 4096-byte blocks and exactly the partition's number of them."""
    image = make_filesystem(FILES, VFS_SIZE)
    assert len(image) == VFS_SIZE
    at = image.index(b"littlefs") + 12
    words = [int.from_bytes(image[at + n : at + n + 4], "little") for n in (0, 4, 8)]
    assert words == [0x0002_0000, 4096, VFS_SIZE // 4096]


def test_the_same_files_give_the_same_bytes() -> None:
    """The order in which files are named does not matter, nor does the time of day."""
    backwards = dict(reversed(FILES.items()))
    assert make_filesystem(FILES, VFS_SIZE) == make_filesystem(backwards, VFS_SIZE)


def test_many_of_the_longest_names_find_room() -> None:
    """Folders that do not fit as short logs are written as long ones."""
    files = {f"/data/{number:0250}": b"" for number in range(60)}
    assert read_filesystem(make_filesystem(files, 100 * 4096)) == files


NAMES = st.text("abcdefgh_.", min_size=1, max_size=12).filter(lambda n: n.strip(".") != "")


@settings(max_examples=30)
@given(st.dictionaries(NAMES, st.binary(max_size=9000), max_size=8))
def test_any_files_read_back(files: dict[str, bytes]) -> None:
    """Whatever is put in comes out."""
    tree = {f"/lib/{name}": content for name, content in files.items()}
    assert read_filesystem(make_filesystem(tree, 64 * 4096)) == tree


def test_too_many_bytes_are_refused_with_both_numbers() -> None:
    """Files that do not fit say how much they are and how much room there is."""
    with pytest.raises(BadInput, match="40000 bytes of files do not fit a file system of 32768"):
        make_filesystem({"/big": bytes(40000)}, 8 * 4096)


@pytest.mark.parametrize("image", [b"", b"\xff" * 4096 * 4, bytes(4096 * 4), b"\xff" * 100])
def test_what_is_no_file_system_is_refused(image: bytes) -> None:
    """Blank, zeroed and crooked images are errors, not empty file systems."""
    with pytest.raises(BadInput):
        read_filesystem(image)


def test_reading_leaves_the_image_alone() -> None:
    """The bytes that were read from are not changed, not even by a repair."""
    image = make_filesystem(FILES, VFS_SIZE)
    before = bytes(image)
    read_filesystem(image)
    assert image == before


def test_a_listing_reads_only_what_it_needs() -> None:
    """Names and one wanted content come from a small part of a partition with large files in it."""
    image = make_filesystem(FILES | {"/data/large": bytes(500_000)}, VFS_SIZE)
    fetched: set[int] = set()

    def read(offset: int, length: int) -> bytes:
        fetched.update(range(offset // 4096, (offset + length - 1) // 4096 + 1))
        return image[offset : offset + length]

    listed = list_filesystem(VFS_SIZE, read, ["/lib/startline/__init__.mpy"])
    assert listed.keys() == FILES.keys() | {"/data/large"}
    assert listed["/lib/startline/__init__.mpy"] == FILES["/lib/startline/__init__.mpy"]
    assert listed["/data/large"] == b""
    assert len(fetched) < 20


def test_a_device_that_falls_silent_while_it_is_listed_is_said_to() -> None:
    """What goes wrong underneath comes out as it is, and not as a broken file system."""

    def read(offset: int, length: int) -> bytes:
        raise DeviceSilent("It stopped.")

    with pytest.raises(DeviceSilent, match="It stopped"):
        list_filesystem(VFS_SIZE, read)

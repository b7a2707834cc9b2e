"""Where firmware comes from, and whose word vouches for it."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import msgspec
import pytest

from startline_host.boards import Board, FirmwarePin
from startline_host.errors import BadInput, NetworkFailed
from startline_host.flows.firmware_store import (
    LOCK_NAME,
    FirmwareStore,
    default_cache,
    download,
)
from startline_host.formats.synthetic_firmware import synthetic_firmware

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "ESP32-v1.29.0.bin"
URL = f"https://example.invalid/{FILE}"


def pinned(board: Board, sha256: str | None = None) -> Board:
    """Give the board a published firmware, its digest known or not."""
    pin = FirmwarePin(version="1.29.0", file=FILE, url=URL, sha256=sha256)
    return msgspec.structs.replace(board, firmware=pin)


def no_network(url: str) -> bytes:
    """Stand for a computer without a network."""
    raise NetworkFailed(f"no network for {url}")


def test_the_built_in_firmware_needs_nothing(board: Board, tmp_path: Path) -> None:
    """The virtual board's firmware comes without file, network or question."""
    chosen = FirmwareStore(tmp_path / "cache", fetch=no_network).obtain(board)
    assert (chosen.origin, chosen.firmware.version) == ("built in", "1.29.0")
    assert not (tmp_path / "cache").exists()


def test_a_known_digest_is_downloaded_once(board: Board, merged: bytes, tmp_path: Path) -> None:
    """The first use fetches and keeps the file, the second needs no network."""
    known = pinned(board, hashlib.sha256(merged).hexdigest())
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return merged

    first = FirmwareStore(tmp_path, fetch=fetch).obtain(known)
    again = FirmwareStore(tmp_path, fetch=no_network).obtain(known)
    assert (first.origin, again.origin, asked) == ("downloaded", "cached", [URL])
    assert first.firmware == again.firmware


def test_a_wrong_digest_stops_everything(board: Board, merged: bytes, tmp_path: Path) -> None:
    """A download, a cached file and a local file of the pinned name are refused alike."""
    known = pinned(board, "0" * 64)
    confirm = pytest.fail
    store = FirmwareStore(tmp_path, fetch=lambda _url: merged, confirm=confirm)
    with pytest.raises(BadInput, match=r"\(downloaded\) has .* SHA-256 .* 0{64} was expected"):
        store.obtain(known)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / FILE).write_bytes(merged)
    with pytest.raises(BadInput, match=r"\(cached\)"):
        store.obtain(known)
    with pytest.raises(BadInput, match=r"\(local\)"):
        store.obtain(known, tmp_path / FILE)


def test_an_unknown_digest_is_shown_asked_for_and_recorded(
    board: Board, merged: bytes, tmp_path: Path
) -> None:
    """At first use a person sees the digest; once accepted it stands in the lock file."""
    digest = hashlib.sha256(merged).hexdigest()
    shown: list[str] = []

    def accept(seen: str) -> bool:
        shown.append(seen)
        return True

    FirmwareStore(tmp_path, fetch=lambda _url: merged, confirm=accept).obtain(pinned(board))
    assert len(shown) == 1
    assert digest in shown[0]
    entry = {"sha256": digest, "size": len(merged), "version": "1.29.0"}
    assert json.loads((tmp_path / LOCK_NAME).read_text()) == {FILE: [entry]}
    FirmwareStore(tmp_path, fetch=no_network).obtain(pinned(board))


def test_nothing_is_kept_of_a_firmware_that_nobody_accepts(
    board: Board, merged: bytes, tmp_path: Path
) -> None:
    """Without a yes there is no file, no lock, and a hint that says how to accept it."""
    digest = hashlib.sha256(merged).hexdigest()
    store = FirmwareStore(tmp_path, fetch=lambda _url: merged)
    with pytest.raises(BadInput, match="Nobody has accepted") as caught:
        store.obtain(pinned(board))
    assert f"--accept-firmware {digest}" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
    again = FirmwareStore(tmp_path, fetch=lambda _url: merged, accept=[digest.upper()])
    assert again.obtain(pinned(board)).origin == "downloaded"


def test_a_changed_download_is_refused_after_first_use(
    board: Board, merged: bytes, tmp_path: Path
) -> None:
    """What was accepted once is what has to come again, and nobody is asked a second time."""
    FirmwareStore(tmp_path, fetch=lambda _u: merged, confirm=lambda _s: True).obtain(pinned(board))
    (tmp_path / FILE).unlink()
    other = synthetic_firmware(board, version="1.29.0", app_size=0x5000)
    store = FirmwareStore(tmp_path, fetch=lambda _url: other, confirm=pytest.fail)
    with pytest.raises(BadInput, match="was expected"):
        store.obtain(pinned(board))


def test_a_local_file_of_another_name_is_asked_for_each_time_it_changes(
    board: Board, merged: bytes, tmp_path: Path
) -> None:
    """A firmware of one's own is accepted digest by digest."""
    path = tmp_path / "mine.bin"
    asked: list[str] = []

    def confirm(seen: str) -> bool:
        asked.append(seen)
        return True

    store = FirmwareStore(tmp_path / "c", confirm=confirm)
    for content in (merged, synthetic_firmware(board, version="1.27.1"), merged):
        path.write_bytes(content)
        store.obtain(pinned(board), path)
    assert len(asked) == 2


def test_a_file_of_another_listed_version_is_held_to_its_own_digest(
    board: Board, merged: bytes, tmp_path: Path
) -> None:
    """By its name or by its digest a local file is one of the board's versions: no question."""
    other = synthetic_firmware(board, version="1.26.1")
    pin = FirmwarePin(
        version="1.26.1", file="v1.26.1.bin", url=URL, sha256=hashlib.sha256(other).hexdigest()
    )
    usual = pinned(board, hashlib.sha256(merged).hexdigest())
    several = msgspec.structs.replace(usual, firmware_versions=(usual.firmware, pin))
    store = FirmwareStore(tmp_path / "c", confirm=pytest.fail)
    for name in (pin.file, "renamed.bin"):
        (tmp_path / name).write_bytes(other)
        assert store.obtain(several, tmp_path / name).firmware.version == "1.26.1"
    (tmp_path / pin.file).write_bytes(merged)
    with pytest.raises(BadInput, match="was expected"):
        store.obtain(several, tmp_path / pin.file)


def test_an_unsound_file_is_not_even_asked_about(
    board: Board, merged: bytes, tmp_path: Path
) -> None:
    """The image's own checks come before the question."""
    path = tmp_path / "mine.bin"
    path.write_bytes(merged[:-1])
    with pytest.raises(BadInput, match=r"The application in the file mine\.bin is cut short"):
        FirmwareStore(tmp_path / "c", confirm=pytest.fail).obtain(board, path)


def test_a_pinned_name_with_another_version_is_refused(board: Board, tmp_path: Path) -> None:
    """A file that says it is another MicroPython than the pin is not taken for it."""
    other = synthetic_firmware(board, version="1.24.0")
    store = FirmwareStore(tmp_path, fetch=lambda _url: other, confirm=pytest.fail)
    with pytest.raises(
        BadInput, match=r"holds MicroPython 1\.24\.0, and the board file says 1\.29"
    ):
        store.obtain(pinned(board))


def test_a_damaged_lock_file_is_named(board: Board, merged: bytes, tmp_path: Path) -> None:
    """A lock file that is no such thing is an error, not an empty one."""
    write_lock(tmp_path, merged).write_text("{")
    with pytest.raises(BadInput, match=r"lock file .* is damaged"):
        FirmwareStore(tmp_path, fetch=lambda _url: merged).obtain(pinned(board))


def test_a_missing_local_file_is_one_sentence(board: Board, tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(BadInput, match=r"nothing\.bin cannot be read: No such file"):
        FirmwareStore(tmp_path).obtain(board, tmp_path / "nothing.bin")


def test_the_cache_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """STARTLINE_CACHE replaces the user's own cache folder."""
    monkeypatch.setenv("STARTLINE_CACHE", str(tmp_path))
    assert default_cache() == tmp_path
    monkeypatch.delenv("STARTLINE_CACHE")
    assert default_cache().name == "startline"


def write_lock(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    """Write a lock file that vouches for this firmware under the pinned name."""
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "version": "1.29.0"}
    path = folder / LOCK_NAME
    path.write_text(json.dumps({FILE: [entry]}))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("origin", ["downloaded", "cached", "local"])
def test_a_pin_outranks_the_lock_file(
    board: Board, merged: bytes, tmp_path: Path, origin: str
) -> None:
    """What the lock file vouches for is refused where the board's file pins another digest."""
    good = synthetic_firmware(board, version="1.29.0", app_size=0x5000)
    known = pinned(board, hashlib.sha256(good).hexdigest())
    write_lock(tmp_path, merged)
    if origin != "downloaded":
        (tmp_path / FILE).write_bytes(merged)
    store = FirmwareStore(tmp_path, fetch=lambda _url: merged, confirm=pytest.fail)
    with pytest.raises(BadInput, match=rf"\({origin}\) has .* was expected"):
        store.obtain(known, tmp_path / FILE if origin == "local" else None)
    (tmp_path / FILE).write_bytes(good)
    assert store.obtain(known).origin == "cached"


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
@pytest.mark.parametrize(("folder", "file"), [(0o770, 0o600), (0o777, 0o600), (0o700, 0o620)])
def test_a_lock_file_that_others_can_write_vouches_for_nothing(
    board: Board, merged: bytes, tmp_path: Path, folder: int, file: int
) -> None:
    """A lock file, or its folder, that others can write to is refused with the way to mend it."""
    cache = tmp_path / "a cache"
    cache.mkdir()
    write_lock(cache, merged, file)
    cache.chmod(folder)
    store = FirmwareStore(cache, fetch=lambda _url: merged, confirm=pytest.fail)
    with pytest.raises(BadInput, match="Others than you can write to") as caught:
        store.obtain(pinned(board))
    assert caught.value.hint.endswith(f"chmod go-w '{cache}'")


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
def test_anothers_lock_file_vouches_for_nothing(
    board: Board, merged: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock file that belongs to another user is refused, whatever its mode."""
    path = write_lock(tmp_path, merged)
    if os.getuid() == 0:
        os.chown(path, 54321, -1)
    else:
        monkeypatch.setattr("os.getuid", lambda: 54321)
    with pytest.raises(BadInput, match="Others than you can write to"):
        FirmwareStore(tmp_path, fetch=lambda _url: merged).obtain(pinned(board))


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
def test_a_digest_is_accepted_where_only_its_user_writes(
    board: Board, merged: bytes, tmp_path: Path
) -> None:
    """The lock file is its user's alone, in a new folder and in one that others could write to."""
    wide = tmp_path / "wide"
    wide.mkdir()
    wide.chmod(0o775)
    for folder in (tmp_path / "new", wide):
        FirmwareStore(folder, fetch=lambda _u: merged, confirm=lambda _s: True).obtain(
            pinned(board)
        )
        assert (folder / LOCK_NAME).stat().st_mode & 0o777 == 0o600
        assert not folder.stat().st_mode & 0o022


class DownloadHandler(BaseHTTPRequestHandler):
    """Serves /good, redirects /moved to it, and knows nothing else."""

    def do_GET(self) -> None:
        """Answer one request."""
        status = {"/good": 200, "/moved": 302}.get(self.path, 404)
        self.send_response(status)
        self.send_header("Location", "/good")
        self.end_headers()
        self.wfile.write(b"firmware")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """Run an HTTP server on loopback."""
    with HTTPServer(("127.0.0.1", 0), DownloadHandler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def test_a_download_follows_redirects(server: str) -> None:
    """A published file that has moved is fetched from where it went."""
    assert download(f"{server}/good") == download(f"{server}/moved") == b"firmware"


def test_a_failed_download_says_what_to_do(server: str) -> None:
    """A missing file and a closed port are exit 20, with the way around a network."""
    with pytest.raises(NetworkFailed, match="the server answered 404") as caught:
        download(f"{server}/none")
    assert "--firmware" in caught.value.hint
    with pytest.raises(NetworkFailed, match=r": nothing listens at 127\.0\.0\.1\.$"):
        download("http://127.0.0.1:1/x")
    with pytest.raises(
        NetworkFailed, match=r": the name of no-such-host\.invalid is not found\.$"
    ):
        download("https://no-such-host.invalid/x")

"""Firmware files: built in, local, or downloaded once; none is used whose digest nobody vouched for.

A digest is vouched for by the board's profile, or by a person who was shown it at first use. The
second kind stands in a lock file, JSON: {file name: [{"sha256", "size", "version"}, …]}, which
counts only for what no profile pins, and only where nobody else can have written it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from startline_host.errors import BadInput, NetworkFailed
from startline_host.file_access import read_file
from startline_host.formats.firmware_file import Firmware, split_firmware
from startline_host.formats.synthetic_firmware import synthetic_firmware
from startline_host.util import causes, write_whole

if TYPE_CHECKING:
    from startline_host.boards import Board, FirmwarePin

LOCK_NAME = "firmware.lock"
#: No firmware for these chips is larger.
_MAX_SIZE = 16 << 20
_SECONDS = 60.0

#: Shown a sentence with the digest, says whether a person takes it.
Confirm = Callable[[str], bool]
#: Fetches an address.
Fetch = Callable[[str], bytes]


class LockedDigest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A digest that somebody accepted."""

    sha256: str
    size: int
    version: str


class ChosenFirmware(msgspec.Struct, frozen=True):
    """A firmware, and where it came from; `file` is empty for the built-in one."""

    file: str
    origin: Literal["built in", "local", "cached", "downloaded"]
    firmware: Firmware


def default_cache() -> Path:
    """Return the folder for downloaded firmware: $STARTLINE_CACHE, or the user's own cache."""
    named = os.environ.get("STARTLINE_CACHE")
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("startline", appauthor=False)


def accept_nothing(_question: str) -> bool:
    """Answer for a person where there is none."""
    return False


def download(url: str) -> bytes:
    """Fetch an address, bounded in size and time, and never by way of a plain http redirect.

    Raises NetworkFailed with the reason.
    """
    import httpx

    def stay_safe(response: httpx.Response) -> None:
        target = response.next_request.url.scheme if response.next_request else "https"
        if response.url.scheme == "https" and target != "https":
            raise NetworkFailed(f"{url} was redirected to an address that is not https.")

    try:
        with (
            httpx.Client(
                follow_redirects=True, timeout=_SECONDS, event_hooks={"response": [stay_safe]}
            ) as client,
            client.stream("GET", url) as response,
        ):
            response.raise_for_status()
            data = bytearray()
            for part in response.iter_bytes():
                data += part
                if len(data) > _MAX_SIZE:
                    raise NetworkFailed(f"{url} is larger than any firmware.")
            return bytes(data)
    except httpx.HTTPStatusError as error:
        reason = f"the server answered {error.response.status_code}"
    except httpx.HTTPError as error:
        from startline_host.clouds.cloud_client import os_words

        found = next((one for one in causes(error) if isinstance(one, OSError)), None)
        told = str(error) or type(error).__name__
        reason = told if found is None else os_words(found, httpx.URL(url).host)
    raise NetworkFailed(
        f"The firmware cannot be fetched from {url}: {reason}.",
        "Fetch it on another computer and name the file with --firmware.",
    )


class FirmwareStore:
    """The cache folder with its lock file.

    At the first use of a digest that no profile knows, it has to be among `accept` (hex), or
    `confirm` is asked; `fetch` downloads.
    """

    def __init__(
        self,
        folder: Path,
        *,
        accept: Iterable[str] = (),
        confirm: Confirm = accept_nothing,
        fetch: Fetch = download,
    ) -> None:
        self.folder = folder
        self._accepted = {digest.strip().lower() for digest in accept}
        self._confirm = confirm
        self._fetch = fetch

    def obtain(self, board: Board, local: Path | None = None) -> ChosenFirmware:
        """Return the board's firmware, or the `local` file in its place, verified and split.

        Raises BadInput for a digest that differs from the known one or that nobody accepts, and
        for a file that is no sound firmware of this board; NetworkFailed where it is to be
        downloaded and cannot be.
        """
        pin = board.firmware
        if local is not None:
            return self._judge(board, local.name, _read(local), "local")
        if pin.synthetic:
            data = synthetic_firmware(board, version=pin.version)
            return ChosenFirmware("", "built in", split_firmware(data, board))
        cached = self.folder / pin.file
        if cached.is_file():
            return self._judge(board, pin.file, _read(cached), "cached")
        data = self._fetch(pin.url)
        chosen = self._judge(board, pin.file, data, "downloaded")
        self._write(cached, data)
        return chosen

    def _judge(
        self,
        board: Board,
        name: str,
        data: bytes,
        origin: Literal["local", "cached", "downloaded"],
    ) -> ChosenFirmware:
        digest = hashlib.sha256(data).hexdigest()
        pin = _pin_of(board, name, digest)
        known = self._known(pin, name, digest)
        if name == pin.file and known and digest not in known:
            raise BadInput(
                f"{name} ({origin}) has {len(data)} bytes and SHA-256 {digest}; "
                f"{min(known)} was expected.",
                "Do not use it. Remove the file and download it again; if it is the same again, ask its makers.",
            )
        firmware = split_firmware(data, board, f"the file {name}")
        if name == pin.file and firmware.version != pin.version:
            raise BadInput(
                f"{name} holds MicroPython {firmware.version}, and the board file says "
                f"{pin.version}."
            )
        if digest not in known:
            self._accept(name, LockedDigest(digest, len(data), firmware.version))
        return ChosenFirmware(name, origin, firmware)

    def _known(self, pin: FirmwarePin, name: str, digest: str) -> set[str]:
        """Return the digests that a file of that name may have; none is known yet if empty.

        The board's own pin is the only one for the file that it names: what stands in the lock
        file was accepted for want of a pin, and never outranks one.
        """
        if pin.sha256 is not None and (name == pin.file or digest == pin.sha256):
            return {pin.sha256}
        return {entry.sha256 for entry in self._lock().get(name, [])}

    def _accept(self, name: str, entry: LockedDigest) -> None:
        seen = (
            f"{name} is used for the first time: {entry.size} bytes, MicroPython "
            f"{entry.version}, SHA-256 {entry.sha256}."
        )
        if entry.sha256 not in self._accepted and not self._confirm(seen):
            raise BadInput(
                f"{seen} Nobody has accepted this digest.",
                f"Compare it with its maker's, then pass --accept-firmware {entry.sha256}",
            )
        self._take_for_oneself()
        locked = self._lock()
        locked.setdefault(name, []).append(entry)
        text = msgspec.json.format(msgspec.json.encode(locked, order="sorted"), indent=2)
        self._write(self.folder / LOCK_NAME, text + b"\n")

    def _lock(self) -> dict[str, list[LockedDigest]]:
        path = self.folder / LOCK_NAME
        if not path.is_file():
            return {}
        for place in (self.folder, path):
            if not _only_ours(place):
                raise BadInput(
                    f"Others than you can write to {place}: the firmware digests that are accepted "
                    "there prove nothing.",
                    f"Remove {path} and you are asked again, after: "
                    f"chmod go-w {shlex.quote(str(self.folder))}",
                )
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, list[LockedDigest]])
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadInput(f"The lock file {path} is damaged: {error}.") from None

    def _take_for_oneself(self) -> None:
        """Let nobody else write to the folder from now on. Raises BadInput where it is another's."""
        if _only_ours(self.folder):
            return
        try:
            self.folder.chmod(self.folder.stat().st_mode & 0o755)
        except OSError:
            raise BadInput(
                f"The folder {self.folder} is not yours: no firmware digest is accepted there.",
                "Name a folder of your own in STARTLINE_CACHE.",
            ) from None

    def _write(self, path: Path, data: bytes) -> None:
        # Several lines may load boards at once: each sees the old file or the new one.
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{path} cannot be written: {error.strerror}.") from None
        write_whole(path, data, mode=0o600)


def _pin_of(board: Board, name: str, digest: str) -> FirmwarePin:
    """Return the listed firmware that a file claims to be by its name, or is by its digest."""
    listed = (board.firmware, *board.firmware_versions)
    named = [pin for pin in listed if pin.file == name]
    same = [pin for pin in listed if pin.sha256 == digest]
    return [*named, *same, board.firmware][0]


def _only_ours(path: Path) -> bool:
    """Tell whether nobody but this user and root can write there; true where it is not there yet."""
    if os.name != "posix" or not path.exists():
        return True
    found = path.stat()
    return found.st_uid in {os.getuid(), 0} and not stat.S_IMODE(found.st_mode) & 0o022


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise BadInput(f"The firmware {path} cannot be read: {error.strerror}.") from None

"""What outlives a reset but not a power-off: the clock's offset and the RTC memory, in a file."""

from struct import pack, unpack_from

_HEAD = 8


class StateFile:
    """A small file in the host's file system, `files` (an unmounted `VfsPosix`)."""

    def __init__(self, files, folder: str) -> None:
        self._files = files
        self._path = folder + "/rtc"
        self.clock = None
        self.rtc = None

    def load(self) -> tuple:
        """Return (offset in microseconds, memory), or (None, b"") after a power-on."""
        try:
            with self._files.open(self._path, "rb") as file:
                data = file.read()
        except OSError:
            return None, b""
        return unpack_from("<q", data)[0], data[_HEAD:]

    def save(self) -> None:
        """Write clock and memory anew, whole or not at all."""
        with self._files.open(self._path + ".new", "wb") as file:
            file.write(pack("<q", self.clock.offset_us) + self.rtc.data)
        self._files.rename(self._path + ".new", self._path)

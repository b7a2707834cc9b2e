"""What several rooms need and none owns: text for a terminal, deadlines, files written whole."""

from __future__ import annotations

import errno
import os
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from startline_host.errors import BadInput, StartlineError, StorageFailed
from startline_host.file_access import is_stream, write_stream

# Controls, format characters (they can turn text around), lone surrogates, line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""Return `text` with every control or format character shown as its escape, such as `\x1b`."""
    return "".join(
        character if unicodedata.category(character) not in _UNSAFE else _escape(character)
        for character in text.replace("\t", " ")
    )


def sentences(text: str) -> str:
    r"""Return what a person is told, a list of rows below it included, fit for a terminal.

    A row begins with a line end and two spaces. Any other control character, as in the name of a
    file, is shown as its escape.
    """
    return "\n  ".join(map(printable, text.split("\n  ")))


def device_text(raw: bytes) -> str:
    r"""Decode a device's bytes as UTF-8 for display; what is none shows as `\xNN`."""
    return printable(raw.decode("utf-8", errors="backslashreplace"))


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def upper_first(text: str) -> str:
    """Return the text as it begins a sentence; names later in it keep their spelling."""
    return text[:1].upper() + text[1:]


def counted(count: int, what: str) -> str:
    """Return `1 unit` or `2 units`: a count with what is counted, whose plural has an s."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, and one after another what it came of."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def full_stop(words: str) -> str:
    """Return words that end a sentence: those that do already, as they are."""
    return words if words.endswith((".", "!", "?")) else f"{words}."


class Deadline:
    """The end of an allowance of `seconds`, counted from when it is made."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether the seconds are over, whoever is the reason."""
        return time.monotonic() >= self._end

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return self.over

    def at_most(self, seconds: float) -> Deadline:
        """Return a deadline `seconds` from now, or this one where that is earlier."""
        return Deadline(min(seconds, self.remaining))


#: Seconds of work that show how slow this computer is; what counts as slow, as every limit has room
#: for a little; and how many times longer a wait gets at most.
_PROBE, _BUSY, _SLOWEST = 0.05, 4.0, 20.0


class PatientDeadline(Deadline):
    """A deadline for an answer of a device, which comes later while this computer is busy.

    Whoever carries the answer, and a virtual device altogether, gets no more of the processor than
    this process. So once the seconds are over, a little work shows how many times slower than alone
    it is done now, and as many times the seconds count. An idle computer waits no longer than told.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self._seconds = seconds
        self._start = self._end - seconds

    @property
    def expired(self) -> bool:
        """Whether nothing is left, and no busy computer is the reason."""
        if not self.over:
            return False
        slowness = min(_slowness(), _SLOWEST)
        if slowness >= _BUSY:
            self._end = max(self._end, self._start + self._seconds * slowness)
        return self.over


def _slowness() -> float:
    """Return how many times longer than on an idle computer a little work takes now."""
    began, worked = time.monotonic(), time.process_time()
    done = passed = 0.0
    while done < _PROBE and passed < _PROBE * _SLOWEST:
        done, passed = time.process_time() - worked, time.monotonic() - began
    return passed / max(done, _PROBE / _SLOWEST)


#: What says that a medium, and not a name, is at fault.
_MEDIUM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG})


def file_failure(error: OSError, path: str | Path = "") -> StartlineError | None:
    """Return what a person is told of a file that could not be used, None where it names none.

    StorageFailed where the medium is full, broken or read-only, else BadInput.
    """
    path = printable(os.fsdecode(path or error.filename or ""))
    words = error.strerror or type(error).__name__
    if error.errno in _MEDIUM:
        return StorageFailed(f"{path or 'The output'} cannot be written: {words}.")
    return BadInput(f"{path} cannot be used: {words}.") if path else None


def make_writable(folder: Path | None) -> None:
    """Make a folder for files that come later. Raises BadInput where none can be made in it."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"The folder {folder} cannot be made: {error.strerror}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput(f"The folder {folder} cannot be written to.")


def write_whole(
    path: Path, data: bytes, *, mode: int = 0o644, title: str = "", hint: str = ""
) -> None:
    """Write a file beside its place and rename it there; a device or a pipe is written to as it is.

    Raises BadInput or StorageFailed where it cannot be.
    The error says what the file is (`title`, such as "The report ") and what to do (`hint`).
    """
    beside = None
    # A link stays one: what it names is written, as by everybody else.
    target = Path(os.path.realpath(path))
    try:
        if is_stream(path):
            write_stream(path, data)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name[:40]}-", delete=False
        ) as file:
            beside = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is its owner's alone; most files are made to be shown around.
        beside.chmod(mode)
        beside.replace(target)
    except OSError as error:
        if beside is not None:
            beside.unlink(missing_ok=True)
        if error.errno in _MEDIUM:
            raise StorageFailed(f"{title}{path} cannot be written: {error.strerror}.") from None
        raise BadInput(f"{title}{path} cannot be written: {error.strerror}.", hint) from None

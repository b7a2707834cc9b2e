"""Keys and passwords: held so that they show themselves only when asked to."""

from __future__ import annotations

import getpass
import hashlib
import hmac
import logging
import os
import re
import shlex
import stat
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NoReturn

from startline_host.errors import BadInput
from startline_host.file_access import MOST_TEXT, read_file
from startline_host.text_file import decode_text

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)

#: What stands where a secret would.
MASK = "********"

#: Words in a variable's name that say that it holds a secret.
_TELLING = frozenset(
    [
        "AUTH",
        "AUTHORIZATION",
        "CREDENTIAL",
        "CREDENTIALS",
        "KEY",
        "PASS",
        "PASSPHRASE",
        "PASSWD",
        "PASSWORD",
        "PGPASSWORD",
        "SECRET",
        "TOKEN",
    ]
)
#: Variables of ours whose value may hold a secret, though their name does not say so.
_OURS = "STARTLINE_"
_WITH_PASSWORD = "STARTLINE_LEDGER"  # noqa: S105 - where it is, not what it is
_USUAL_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
#: Names of the variables that this process has read a secret from: its settings named them.
_READ: set[str] = set()

#: Takes one sentence for a person; the default goes to the log.
Warn = Callable[[str], None]


class Secret:
    """A text that no repr, log line or traceback shows; `reveal()` is the one way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself: only for the bytes of an image or of a request."""
        return self._value

    def fingerprint(self) -> str:
        """Return the first 8 hex digits of the text's SHA-256, as the device's record has them."""
        return hashlib.sha256(self._value.encode()).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written to pickles")


def redact(text: str, *secrets: Secret | None) -> str:
    """Return `text` with every occurrence of the secrets masked, for words that came from outside."""
    for secret in secrets:
        if secret:
            text = text.replace(secret.reveal(), MASK)
    return text


def is_private(path: Path) -> bool:
    """Tell whether only its owner can read the file; true where there are no such permissions."""
    if os.name != "posix":
        return True
    return not stat.S_IMODE(path.stat().st_mode) & 0o077


def secret_from_file(path: Path, what: str, *, warn: Warn = _LOG.warning) -> Secret:
    """Read a secret from the only line of a file.

    Warns about a file that others can read. Raises BadInput for one that is missing, empty, not
    UTF-8, or longer than one line.
    """
    try:
        text = decode_text(read_file(path, MOST_TEXT)).strip("\r\n")
    except UnicodeDecodeError:
        raise BadInput(f"{path} does not hold the {what} as text.") from None
    except OSError as error:
        raise BadInput(f"The {what} cannot be read from {path}: {error.strerror}.") from None
    if not text or len(text.splitlines()) > 1:
        raise BadInput(f"{path} must hold the {what} and nothing else, on one line.")
    if not is_private(path):
        warn(
            f"{path} holds the {what} and others can read it. Make it yours: "
            f"chmod 600 {shlex.quote(str(path))}"
        )
    return Secret(text)


def secret_from_environment(
    name: str, what: str, *, environ: Mapping[str, str] = os.environ
) -> Secret:
    """Read a secret from an environment variable. Raises BadInput where it is unset or empty."""
    _READ.add(name)
    value = environ.get(name, "")
    if not value:
        # What is no usual name may be the secret itself, put in the wrong place.
        shown = name if _USUAL_NAME.fullmatch(name) else "the variable that is named"
        raise BadInput(
            f"The {what} is looked for in {'$' if shown == name else ''}{shown}, which is not set.",
            f"Set {shown}.",
        )
    return Secret(value)


def secret_from_prompt(what: str, otherwise: str = "") -> Secret:
    """Ask the person for a secret without showing it.

    Raises BadInput where nobody can be asked; `otherwise` says how else to give it.
    """
    if not sys.stdin.isatty():
        raise BadInput(f"The {what} is needed and there is nobody to ask for it.", otherwise)
    value = getpass.getpass(f"{what[:1].upper()}{what[1:]}: ")
    if not value:
        raise BadInput(f"No {what} was given.")
    return Secret(value)


def child_environment(
    *, foreign: bool = False, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the environment that every process started by this one gets: ours, without secrets.

    Left out are variables that a settings file named for a secret and all that are named as one,
    of any program's; with `foreign` those of other programs stay, for a command of the user's own.
    """
    return {
        name: value
        for name, value in environ.items()
        if name not in _READ and not _is_telling(name, foreign=foreign)
    }


def _is_telling(name: str, *, foreign: bool) -> bool:
    if foreign and not name.startswith(_OURS):
        return False
    return name == _WITH_PASSWORD or not _TELLING.isdisjoint(name.upper().split("_"))

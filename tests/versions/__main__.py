"""`python -m tests.versions VERSION [ARGUMENT ...]`: runs an official build; alone, lists them."""

from __future__ import annotations

import os
import sys

from tests.npm_packages import NotHereError
from tests.versions.official import VERSIONS, install

_USAGE = 2


def main() -> int:
    """Become the program of a version, or print the paths of all."""
    _, *words = sys.argv
    try:
        folder = install()
    except NotHereError as error:
        print(f"versions: {error}", file=sys.stderr)  # noqa: T201 - what a command has to say
        return 1
    if not words:
        print("\n".join(str(folder / version) for version in VERSIONS))  # noqa: T201
        return 0
    if words[0] not in VERSIONS:
        print(f"versions: {words[0]} is none of {', '.join(VERSIONS)}", file=sys.stderr)  # noqa: T201
        return _USAGE
    program = str(folder / words[0])
    os.execv(program, [program, *words[1:]])  # noqa: S606 - it is the program that was asked for
    return 0


if __name__ == "__main__":
    sys.exit(main())

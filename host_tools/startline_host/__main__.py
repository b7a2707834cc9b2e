"""`python -m startline_host` is `startline`; both begin here, before anything large is imported."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; Ctrl-C while that is still being loaded ends it like any other."""
    try:
        from startline_host import cli
    except KeyboardInterrupt:
        sys.stderr.write("startline: Interrupted.\n")
        sys.exit(130)  # what a shell reports for SIGINT, as `cli` does
    cli.main()


if __name__ == "__main__":
    main()

"""Starts the MicroPython that stands in a Python package: `python -I -S` this, its folder, its words.

The package's own program loads what it does not use first, which takes as long as the rest.
"""

import sys

sys.path.append(sys.argv.pop(1))

from micropython_run import run_main  # type: ignore[import-not-found]

sys.exit(run_main(sys.argv))

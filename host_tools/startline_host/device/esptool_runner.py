"""Runs esptool as its own program, quick over RFC 2217.

This file is executed by path, in esptool's process, and knows nothing of either package's inside;
what it changes of pyserial, and why, says `library_patches.py`, which is executed by path as well.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import esptool.loader  # type: ignore[import-untyped]


def patch_libraries(arguments: list[str]) -> None:
    """Take sleeps and needless work out of the port that the arguments name, and out of esptool."""
    patches = runpy.run_path(str(Path(__file__).with_name("library_patches.py")))
    patches["patch_rfc2217"]()
    patches["receive_in_pieces"]()
    patches["negotiate_only_changes"]()
    patches["trace_nothing"](esptool.loader, esptool.__version__)
    if "--port" in arguments:
        patches["skip_close_delay"](arguments[arguments.index("--port") + 1])


if __name__ == "__main__":
    patch_libraries(sys.argv)
    sys.argv[0] = "esptool"
    runpy.run_module("esptool", run_name="__main__")

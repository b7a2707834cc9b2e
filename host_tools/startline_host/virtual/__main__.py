"""`python -m startline_host.virtual`: a virtual ESP32 for the program that starts it.

Prints one JSON line when it listens, or one that says why it does not.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from pathlib import Path

from startline_host.errors import StartlineError
from startline_host.virtual.chip_options import DEFAULT_MAC, ChipEndpoints, ChipOptions


def main() -> int:
    """Serve until told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m startline_host.virtual", description=__doc__)
    parser.add_argument("--flash", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--raw-port", type=int)
    parser.add_argument("--pty", action="store_true")
    parser.add_argument("--mac", default=DEFAULT_MAC)
    parser.add_argument("--world", type=Path)
    parser.add_argument("--flash-size", type=int, help="in bytes")
    parser.add_argument("--paced", action="store_true")
    parser.add_argument("--cut-after", type=int, help="flash operations, then the plug is pulled")
    parser.add_argument("--uart1", type=int, help="TCP port at which machine.UART(1) ends")
    parser.add_argument("--uart2", type=int, help="TCP port at which machine.UART(2) ends")
    parser.add_argument("--ppm", type=float, default=0.0, help="how much the crystal is too fast")
    parser.add_argument("--controlled", action="store_true")
    options = vars(parser.parse_args())
    controlled = options.pop("controlled")
    try:
        # Late, since this brings in the event loop and the serial library.
        from startline_host.virtual.process import serve

        serve(ChipOptions(**options), _report, controlled=controlled)
    except StartlineError as error:
        _print({"error": error.message, "hint": error.hint})
        return error.exit_code
    return 0


def _report(listening: ChipEndpoints) -> None:
    _print(dataclasses.asdict(listening))


def _print(line: dict[str, object]) -> None:
    # Who started this may have died meanwhile: then this is about to end too.
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(line), flush=True)  # noqa: T201 - the answer to who started this


if __name__ == "__main__":
    sys.exit(main())

"""Runs command lines in one process, as somebody who may not read everything; for `test_paths`.

Takes a JSON list of command lines on standard input, and prints a list of [exit code, output].
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import signal
import sys
from pathlib import Path

from startline_host import file_access
from startline_host.cli import main
from startline_host.flows import firmware_bundle
from startline_host.formats import bytecode

#: No command line here has anything to wait for; a busy machine has it wait all the same.
_SECONDS = 200


def _typed(words: list[str]) -> tuple[object, str]:
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    signal.alarm(_SECONDS)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as left:
            code = left.code
    signal.alarm(0)
    return code, err.getvalue() + out.getvalue()


if __name__ == "__main__":
    # A command that serves or waits in place of failing ends as by Ctrl-C, with 130.
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    # The same agent is compiled for every other line; it is no matter of these tests.
    compiled = functools.cache(bytecode.device_files)
    for module in (bytecode, firmware_bundle):
        vars(module)["device_files"] = compiled
    # Nobody is at the other end of these pipes, and nobody comes.
    file_access._TO_MEET = 0.01
    Path("terminal").symlink_to(os.ttyname(os.openpty()[1]))
    json.dump([_typed(words) for words in json.load(sys.stdin)], sys.stdout)

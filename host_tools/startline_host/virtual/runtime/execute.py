"""Runs code as the port's `pyexec` does: interruptible while it runs, its traceback printed."""

import io
import sys

from flash import PowerCut

from . import files, heap
from .socket_errors import NAMES
from .source import fold

_real_print_exception = sys.print_exception

OK = 0
FAILED = 1
FORCED_EXIT = 2


class ProgramRunner:
    """Runs a program's pieces in its namespace, `__main__`; `hidden` is the path of our own files.

    Their frames are left out of tracebacks: on a chip they are C functions.
    """

    def __init__(self, console, namespace: dict, hidden: str) -> None:
        self._console = console
        self.namespace = namespace
        self._hidden = '  File "' + hidden

    def run_text(self, source: bytes, mode: str, mark_end: bool = False) -> int:
        """Compile and run what came over the line."""
        return self._run(lambda: compile(fold(source), "<stdin>", mode), mark_end)

    def run_file(self, path: str) -> int:
        """Run a file of the chip's file system in `__main__`."""
        self.namespace["__file__"] = path
        files.expect_source(path)
        return self._run(lambda: None, False, lambda _: execfile(path, self.namespace))  # noqa: F821

    def run_call(self, function, *args) -> int:
        """Call a piece of the port's own, which is not interrupted unless it asks for it."""
        return self._run(lambda: None, False, lambda _: function(*args), interruptible=False)

    def print_exception(self, error, file=None) -> None:
        """Print a traceback without our own frames."""
        buffer = io.StringIO()
        _real_print_exception(error, buffer)
        lines = buffer.getvalue().split("\n")
        kept = [line for line in lines if not line.startswith(self._hidden)]
        if len(kept) > 1 and kept[0].startswith("Traceback") and kept[1][:2] != "  ":
            kept.pop(0)
        if isinstance(error, OSError) and len(error.args) == 1 and error.args[0] in NAMES:
            number = error.args[0]
            kept[-2] = "OSError: [Errno %d] %s" % (number, NAMES[number])
        text = "\n".join(kept)
        if file is None:
            self._console.say(text)
        else:
            print(text, end="", file=file)

    def _run(self, prepare, mark_end: bool, call=None, interruptible: bool = True) -> int:
        call = call or (lambda code: exec(code, self.namespace))
        self._console.run_from(raw=mark_end)
        error = self._attempt(prepare, call, interruptible)
        if mark_end:
            self._console.say("\x04")
        result = OK
        if isinstance(error, SystemExit):
            result = FORCED_EXIT
        elif error is not None:
            result = FAILED
            if isinstance(error, PowerCut):
                self._console.end("power")
            self.print_exception(error)
        if mark_end:
            self._console.say("\x04")
        return result

    def _attempt(self, prepare, call, interruptible: bool):
        """Return what the code raised, or None. Ctrl-C interrupts from its first byte on."""
        error = None
        try:
            try:
                code = prepare()
                if interruptible:
                    self._console.interruptible(3)
                call(code)
            except BaseException as raised:
                error = raised
                heap.unlock()
                self._console.end_if_broken()
            heap.unlock()
            if self._console.interruptible(-1):
                self._console.unread(3)
        except KeyboardInterrupt as raised:  # it came just as the code ended
            error = error or raised
            self._console.end_if_broken()
            self._console.interruptible(-1)
        return error

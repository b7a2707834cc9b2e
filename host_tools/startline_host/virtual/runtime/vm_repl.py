"""The two prompts of the port: raw, with raw paste, for tools, and friendly, for people."""

import sys

from .readline import LineReader

RAW = "raw"
FRIENDLY = "friendly"

_CTRL_A = 1
_CTRL_B = 2
_CTRL_C = 3
_CTRL_D = 4
_CTRL_E = 5

_WINDOW = 128
"""Half of the 256 bytes that the port takes before it grants more in raw paste."""

_FORCED_EXIT = 2
_COMPOUND = ("if", "while", "for", "try", "with", "def", "class", "async")


class VmRepl:
    """Prompts until something asks for a soft reset; `mode` is RAW or FRIENDLY."""

    def __init__(self, console, runner, banner: str, mode: str) -> None:
        self._console = console
        self._runner = runner
        self._banner = banner
        self._lines = LineReader(console, runner.namespace)
        self.mode = mode

    def run(self, greeting: bool = True) -> None:
        """Return when a soft reset is due; without a greeting the prompt just goes on."""
        again = True
        while again:
            again = self._raw(greeting) if self.mode == RAW else self._friendly()
            greeting = True

    def ask(self, prompt: str = "") -> str:
        """Stand in for `input()`. Raises EOFError on Ctrl-D, KeyboardInterrupt on Ctrl-C."""
        self._console.interruptible(-1)
        key, line = self._lines.read(prompt)
        self._console.interruptible(_CTRL_C)
        if key == _CTRL_C:
            raise KeyboardInterrupt
        if key == _CTRL_D and not line:
            raise EOFError
        return line

    def _raw(self, greeting: bool) -> bool:
        say = self._console.say
        say("raw REPL; CTRL-B to exit\n>" if greeting else ">")
        line = bytearray()
        while True:
            byte = self._console.read()
            if byte == _CTRL_A:
                if len(line) == 2 and line[0] == _CTRL_E:
                    if self._paste(line[1]) == _FORCED_EXIT:
                        return False
                    say(">")
                else:
                    say("raw REPL; CTRL-B to exit\n>")
                line = bytearray()
            elif byte == _CTRL_B:
                say("\n")
                self.mode = FRIENDLY
                return True
            elif byte == _CTRL_C:
                line = bytearray()
            elif byte == _CTRL_D:
                say("OK")
                if not line:
                    say("\n")
                    return False
                if self._runner.run_text(bytes(line), "exec", True) == _FORCED_EXIT:
                    return False
                say(">")
                line = bytearray()
            else:
                line.append(byte)

    def _paste(self, command: int) -> int:
        """Take source with flow control: a 0x01 grants another window, 0x04 ends it."""
        if command != 0x41:
            self._console.say("R\x00")
            return 0
        self._console.raw(bytes((0x52, 1, _WINDOW & 255, _WINDOW >> 8, 1)))
        source = bytearray()
        left = _WINDOW
        while True:
            byte = self._console.read()
            if byte == _CTRL_D:
                self._console.say("\x04")
                return self._runner.run_text(bytes(source), "exec", True)
            if byte == _CTRL_C:
                self._console.say("\x04")
                return self._runner.run_text(b"raise KeyboardInterrupt", "exec", True)
            source.append(byte)
            left -= 1
            if not left:
                self._console.say("\x01")
                left = _WINDOW

    def _friendly(self) -> bool:
        say = self._console.say
        say(self._banner)
        while True:
            key, line = self._lines.read(sys.ps1)
            mode = "single"
            if key == _CTRL_A:
                say("\n")
                self.mode = RAW
                return True
            if key == _CTRL_B:
                say("\n" + self._banner)
                continue
            if key == _CTRL_C:
                say("\n")
                continue
            if key == _CTRL_D:
                say("\n")
                return False
            if key == _CTRL_E:
                mode = "exec"
                line = self._paste_lines()
            else:
                line = self._rest_of(line)
            if line and self._runner.run_text(line.encode(), mode) == _FORCED_EXIT:
                return False

    def _paste_lines(self) -> str:
        """Paste mode of the friendly prompt: Ctrl-D runs it, Ctrl-C drops it."""
        say = self._console.say
        say("\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\n=== ")
        text = ""
        while True:
            byte = self._console.read()
            if byte in (_CTRL_C, _CTRL_D):
                say("\n")
                return text if byte == _CTRL_D else ""
            text += chr(byte)
            if byte == 13:
                say("\n=== ")
            else:
                self._console.raw(bytes((byte,)))

    def _rest_of(self, line: str) -> str:
        """Ask for the further lines of a statement; "" when it was given up."""
        while needs_more(line):
            key, more = self._lines.read(sys.ps2, line)
            if key == _CTRL_C:
                self._console.say("\n")
                return ""
            line += "\n" + more
            if key == _CTRL_D:
                return line
        return line


def needs_more(text: str) -> bool:
    """Tell whether a statement goes on in the next line, by the port's own rough rules."""
    if not text:
        return False
    depth, quote = _scan(text)
    if len(quote) == 3 or (depth > 0 and not quote) or text[-1] == "\\":
        return True
    word = ""
    for char in text:
        if not (char.isalpha() or char.isdigit() or char == "_"):
            break
        word += char
    return (text[0] == "@" or word in _COMPOUND) and text[-1] != "\n"


def _scan(text: str) -> tuple:
    """Return how many brackets are open and which quote ("" for none)."""
    depth = 0
    quote = ""
    index = 0
    while index < len(text):
        char = text[index]
        if char in "'\"":
            triple = char * 3
            if text[index : index + 3] == triple and quote in ("", triple):
                quote = "" if quote else triple
                index += 2
            elif quote in ("", char):
                quote = "" if quote else char
        elif char == "\\" and quote:
            index += 1
        elif not quote:
            depth += (char in "([{") - (char in ")]}")
        index += 1
    return depth, quote

"""One line from a person: editing keys, history, indentation, completion, as the port offers."""

from .complete import complete

_HISTORY = 8
_KEYS = {
    "A": "up",
    "B": "down",
    "C": "right",
    "D": "left",
    "H": "home",
    "F": "end",
    "1~": "home",
    "7~": "home",
    "4~": "end",
    "8~": "end",
    "3~": "delete",
}
_CONTROLS = {
    1: "home",
    2: "left",
    4: "delete",
    5: "end",
    6: "right",
    8: "back",
    9: "tab",
    11: "cut",
    14: "down",
    16: "up",
    21: "kill",
    127: "back",
}


class LineReader:
    """Reads lines from the console; `names` is the namespace in which a tab completes."""

    def __init__(self, console, names: dict) -> None:
        self._console = console
        self._names = names
        self._history: list = []
        self._line = ""
        self._at = 0
        self._prompt = ""
        self._recalled = -1
        self._continues = False
        self._indents = True
        self._last = 0

    def read(self, prompt: str, before: str = "") -> tuple:
        """Return (key, line): key 0 for Enter, else the control character that ended it.

        `before` is what was entered in the lines before: it decides the indentation.
        """
        self._prompt = prompt
        self._recalled = -1
        self._continues = bool(before)
        self._indents = self._indents or not before
        self._line = _indent(before) if before and self._indents else ""
        self._at = len(self._line)
        just_indented = bool(self._line)
        self._console.say(prompt + self._line)
        while True:
            byte = self._console.read()
            if byte == 3 or (1 <= byte <= 5 and not self._line):
                return byte, ""
            if byte in (10, 13):
                if self._is_end(byte):
                    self._console.say("\n")
                    self._remember()
                    return 0, self._line
            else:
                self._last = 0
                if just_indented and byte in (9, 32):
                    self._take_over(byte)
                else:
                    self._key(byte)
            just_indented = just_indented and byte == 10

    def _is_end(self, byte: int) -> bool:
        """Tell whether a carriage return or line feed ends a line: a pair of both ends one.

        The port is stricter: up to 1.27 it ignores line feeds, later it also ignores the first
        line's end after a change from one to the other.
        """
        is_second = byte == 10 and self._last == 13
        self._last = 0 if is_second else byte
        return not is_second

    def _take_over(self, byte: int) -> None:
        """Stop to indent until the statement ends: somebody pastes blanks or knows better.

        The tab leaves the blanks that are there, the space is the first of the writer's own.
        """
        self._indents = False
        if byte == 32:
            self._line = self._line[:-3]
            self._at -= 3
            self._console.say("\b\b\b")

    def _key(self, byte: int) -> None:
        if byte == 27:
            name = self._escape()
        elif 32 <= byte <= 126:
            self._insert(chr(byte))
            return
        else:
            name = _CONTROLS.get(byte)
        if name:
            getattr(self, "_" + name)()

    def _escape(self) -> str | None:
        """Read the rest of an escape sequence and return its key's name."""
        if self._console.read() not in (0x5B, 0x4F):
            return None
        sequence = chr(self._console.read())
        while sequence[-1].isdigit() or sequence[-1] == ";":
            sequence += chr(self._console.read())
        return _KEYS.get(sequence)

    def _insert(self, text: str) -> None:
        rest = self._line[self._at :]
        self._line = self._line[: self._at] + text + rest
        self._at += len(text)
        self._console.say(text + rest + "\b" * len(rest))

    def _replace(self, line: str) -> None:
        self._home()
        self._line = line
        self._at = len(line)
        self._console.say("\x1b[K" + line)

    def _remove(self, count: int) -> None:
        """Remove characters from the cursor on."""
        rest = self._line[self._at + count :]
        self._line = self._line[: self._at] + rest
        self._console.say("\x1b[K" + rest + "\b" * len(rest))

    def _left(self) -> None:
        if self._at:
            self._at -= 1
            self._console.say("\b")

    def _right(self) -> None:
        if self._at < len(self._line):
            self._console.say(self._line[self._at])
            self._at += 1

    def _home(self) -> None:
        self._console.say("\b" * self._at)
        self._at = 0

    def _end(self) -> None:
        self._console.say(self._line[self._at :])
        self._at = len(self._line)

    def _back(self) -> None:
        if self._at:
            blanks = self._at >= 4 and not self._line[: self._at].strip(" ")
            count = 4 if blanks else 1
            self._at -= count
            self._console.say("\b" * count)
            self._remove(count)

    def _delete(self) -> None:
        self._remove(1)

    def _cut(self) -> None:
        self._remove(len(self._line) - self._at)

    def _kill(self) -> None:
        count = self._at
        self._home()
        self._remove(count)

    def _up(self) -> None:
        if self._recalled + 1 < len(self._history):
            self._recalled += 1
            self._replace(self._history[self._recalled])

    def _down(self) -> None:
        if self._recalled >= 0:
            self._recalled -= 1
            self._replace(self._history[self._recalled] if self._recalled >= 0 else "")

    def _tab(self) -> None:
        previous = self._line[self._at - 1] if self._at else " " if self._continues else ""
        if previous in (" ", "\t"):
            self._insert("    ")
            return
        added, choices = complete(self._line[: self._at], self._names)
        if added:
            self._insert(added)
        elif choices:
            rest = self._line[self._at :]
            self._console.say("\n" + choices + "\n" + self._prompt + self._line + "\b" * len(rest))

    def _remember(self) -> None:
        if self._line and self._line not in self._history[:1]:
            self._history.insert(0, self._line)
            del self._history[_HISTORY:]


def _indent(before: str) -> str:
    """Return the blanks with which the next line of a statement starts: by fours.

    None after two lines of blanks: the next Enter ends the statement.
    """
    lines = before.split("\n")
    last = lines[-1]
    blanks = len(last) - len(last.lstrip(" "))
    if len(lines) > 2 and not last.strip(" ") and not lines[-2].strip(" "):
        return ""
    return "    " * (blanks // 4 + last.endswith(":"))

"""What a cloud answers to a race: a few fields of JSON, bare or in its `body`."""

from startline.net.json_scanner import OPEN, TEXT, JsonScanner, text_of

if False:  # for mypy; a device has none of these
    from agent_types import Bytes, Fields


class RaceReply(JsonScanner):
    """Reads an answer piece by piece; `fields` has a text, or the bytes of a number, by name.

    One of `names` that is neither, or is said twice and differs, is None; of `words`, which are for
    people, the last counts. Only what is closed has said anything: `done` empties it where something
    is missing, or where it was no JSON at all.
    """

    def __init__(self, names: "tuple[bytes, ...]", words: "tuple[bytes, ...]" = ()) -> None:
        JsonScanner.__init__(self)
        self.names = names
        self.words = words
        self.fields: "Fields" = {}
        self.broken = False

    def value(self, raw: bytes, kind: int) -> None:
        """Take a value."""
        path = self.path[1:] if self.path[:1] == [b"body"] else self.path
        if len(path) == 1 and path[0] in self.names + self.words:
            name = path[0]
            value = None
            if kind != OPEN and self.whole:
                value = text_of(raw) if kind == TEXT else raw
            if name in self.names and self.fields.get(name, value) != value:
                value = None
            self.fields[name] = value

    def ended(self, code: int) -> None:
        """Do nothing: no bracket means anything."""

    def read(self, data: "Bytes") -> None:
        """Take the next piece."""
        try:
            if not self.broken:
                self.feed(bytes(data))
        except ValueError:
            self.broken = True

    def done(self) -> "Fields":
        """Return the fields of an answer that is whole; {} for any other."""
        return {} if self.broken or not self.closed else self.fields

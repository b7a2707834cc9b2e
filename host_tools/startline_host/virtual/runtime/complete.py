"""Completes the name before the cursor, as the port's tab key does."""

_SLOT = 16
_WIDTH = 64


def complete(text: str, names: dict) -> tuple:
    """Return (what to add, "") or ("", the choices laid out) for the last `a.b.c` of a line."""
    start = len(text)
    while start and (
        text[start - 1].isalpha() or text[start - 1].isdigit() or text[start - 1] in "_."
    ):
        start -= 1
    *path, partial = text[start:].split(".")
    found = _names(path, names)
    if found is None:
        return "", ""
    matches = sorted(name for name in found if name.startswith(partial))
    if not partial:
        matches = [name for name in matches if not name.startswith("_")]
    if not matches:
        if not path and text and not start and "import ".startswith(text):
            return "import "[len(text) :], ""
        return "", ""
    common = _common(matches)
    if len(matches) == 1 or len(common) > len(partial):
        return common[len(partial) :], ""
    return "", _layout(matches)


def _names(path: list, names: dict):
    """Return the names within an object that is reached by attributes, None if there is none."""
    if not path:
        return list(names)
    if path[0] not in names:
        return None
    found = names[path[0]]
    try:
        for name in path[1:]:
            found = getattr(found, name)
        return dir(found)
    except Exception:  # whatever an attribute does: a key must not raise
        return None


def _common(words: list) -> str:
    first = words[0]
    length = len(first)
    for word in words[1:]:
        while not word.startswith(first[:length]):
            length -= 1
    return first[:length]


def _layout(words: list) -> str:
    """Put words into columns of 16, at most 64 wide."""
    lines = [""]
    for word in words:
        line = lines[-1]
        gap = -len(line) % _SLOT
        if line and gap < 2:
            gap += _SLOT
        if line and len(line) + gap + len(word) > _WIDTH:
            lines.append(word)
        else:
            lines[-1] = line + " " * gap + word
    return "\n".join(lines)

"""Letters beyond ASCII, and escaped ones, for comparing texts without the tables of Unicode.

A folded text is what of a text nobody changes who writes it otherwise: letters and digits in lower case,
without marks or separators. In it "?" stands for any characters of other alphabets, and "*" for
anything or nothing.
"""

# What the letters from U+00C0 to U+017F are without their marks; "*" for those that are no one
# letter. The dotless i is what some upper and lower cases make of i.
_LATIN = (
    "aaaaaa*ceeeeiiii*nooooo**uuuuy**aaaaaa*ceeeeiiii*nooooo**uuuuy*y"
    "aaaaaaccccccccdd**eeeeeeeeeegggggggghh**iiiiiiiiii**jjkk*llllll*"
    "***nnnnnn***oooooo**rrrrrrsssssssstttt**uuuuuuuuuuuuwwyyyzzzzzzs"
)
# The Cyrillic letters that are two characters when they are taken apart, in lower case, and the
# first of the two.
_TWOFOLD = "\u0439\u0450\u0451\u0453\u0457\u045c\u045d\u045e"
_PLAIN = "\u0438\u0435\u0435\u0433\u0456\u043a\u0438\u0443"
# From the first to the last of each pair: marks, spaces, dashes, and what cannot be seen.
_NOTHING = "\xa0\xa0\xad\xad\xb7\xb7\u0300\u0344\u0346\u036f\u2000\u206f\u3000\u3000\ufe00\ufe0f\ufeff\ufeff"
# What may become ASCII, an ideograph, or nothing when it is normalised or its case is changed.
_ANYTHING = (
    "\x80\u038f\u0460\u052f\u1c80\u1fff\u2070\u3040\u3100\u33ff\ua640\ua7ff\uf900\U0010ffff"
)


def fold(text: str) -> str:
    """Return the folded text."""
    found = ""
    for char in _unescaped(text):
        code = ord(char)
        if 0xFF01 <= code < 0xFF5F:  # the wide forms of ASCII
            code -= 0xFEE0
        part = _beyond_ascii(code) if code > 0x7F else chr(code).lower()
        if code > 0x7F or part.isalpha() or part.isdigit():
            # Of other alphabets, one character may be several.
            found += part if part != "?" or found[-1:] != "?" else ""
        elif code in (0, 0x3F):  # an escape, or what a character became that could not be kept
            found += "*"
    return found


def _beyond_ascii(code: int) -> str:
    """Return what a character adds to a folded text."""
    if 0xC0 <= code < 0x180:
        return _LATIN[code - 0xC0]
    if 0x400 <= code < 0x460:
        code += 0x50 if code < 0x410 else 0x20 if code < 0x430 else 0
        at = _TWOFOLD.find(chr(code))
        return chr(code) if at < 0 else _PLAIN[at]
    if 0x4E00 <= code < 0xA000:  # ideographs stay what they are
        return chr(code)
    if _within(code, _NOTHING):
        return ""
    return "*" if _within(code, _ANYTHING) else "?"


def may_match(one: str, other: str) -> bool:
    """Tell whether two folded texts may be of one text, up to the first "*" and from the last one on."""
    one, other = one.split("*"), other.split("*")  # type: ignore[assignment] # the same names hold the pieces
    size = min(len(one[0]), len(other[0]))
    left = min(len(one[-1]), len(other[-1]))
    return one[0][:size] == other[0][:size] and (
        one[-1][len(one[-1]) - left :] == other[-1][len(other[-1]) - left :]
    )


def _within(code: int, pairs: str) -> bool:
    char = chr(code)
    return any([pairs[at] <= char <= pairs[at + 1] for at in range(0, len(pairs), 2)])


def _unescaped(text: str) -> str:
    """Return a text with a NUL in the place of what may be an escaped character."""
    text = text.replace("\\u", "\1")
    for sign, size, digits in (
        ("&", 0, "#0123456789abcdefghijklmnopqrstuvwxyz"),
        ("%", 2, "0123456789abcdef"),
        ("\1", 4, "0123456789abcdef"),
    ):
        at = text.find(sign)
        while at >= 0:
            end = at + 1 + size if size else text.find(";", at)
            name = text[at + 1 : end].lower()
            if name == "amp":  # escaped once more: look at it again
                text = text[: at + 1] + text[end + 1 :]
                continue
            if at < end < at + 12 and not name.strip(digits):
                text = text[:at] + "\0" + text[end + (not size) :]
            at = text.find(sign, at + 1)
    return text

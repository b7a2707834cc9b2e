"""JSON in ASCII: MicroPython's own leaves other alphabets as they are."""


def escaped(text: str) -> str:
    """Return JSON text with every character beyond ASCII as its escape."""
    out = ""
    for char in text:
        code = ord(char)
        if code > 0xFFFF:  # such a character is two halves
            code -= 0x10000
            out += "\\u%04x" % (0xD800 | code >> 10)
            code = 0xDC00 | code & 0x3FF
        out += char if code < 0x80 else "\\u%04x" % code
    return out

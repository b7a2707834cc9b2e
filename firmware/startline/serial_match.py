"""Whether a serial number in a cloud's list may be ours, however the cloud writes it.

A chip has no tables of Unicode. So this errs to one side: of two texts that may be the same one
after trimming, case folding, normalisation (NFC, NFD, NFKC, NFKD), escaping for HTML, URLs or JSON,
or with their separators dropped, none is ever told apart; of others a few may not be. Digits and
the letters of ASCII always tell. Host and device both judge by this file.
"""

SAME, LIKE, UNCLEAR, OTHER = "same", "like", "unclear", "other"


class SerialNumber:
    """Our own serial number, to compare others with."""

    def __init__(self, text: str) -> None:
        self.raw = text.encode().strip().lower()  # of bytes, every VM lowers ASCII only
        self.folded = _fold(text)

    def compare(self, theirs: "str | bytes | None") -> str:
        """Return what a list's serial number is to ours.

        It is a text, the bytes of a number or word without quotes, or None for what could not be
        read. SAME: ours. LIKE: it may be ours, written otherwise. UNCLEAR: it cannot be compared.
        OTHER: another one.
        """
        is_text = isinstance(theirs, str)
        raw = ((theirs.encode() if is_text else theirs) or b"").strip().lower()
        if raw and raw == self.raw:
            return SAME
        same_number = raw and _number(raw) == _number(self.raw)
        if not is_text:
            return SAME if same_number else UNCLEAR
        if not raw:
            return UNCLEAR
        if same_number:
            return LIKE
        folded = _fold(theirs)
        if "*" in folded + self.folded:
            from .unicode_fold import may_match

            return LIKE if may_match(folded, self.folded) else OTHER
        return LIKE if folded == self.folded else OTHER


def _number(raw: bytes) -> bytes:
    """Return a number without what a cloud may add to it or take away: 007 is 7, and so is 7.0."""
    whole, _, rest = raw.partition(b".")
    if whole.isdigit() and not rest.strip(b"0"):
        return whole.lstrip(b"0")
    return raw


def _fold(text: str) -> str:
    """Return what of a text nobody changes who writes it otherwise: see `unicode_fold`."""
    found = ""
    for char in text:
        if char > "\x7f" or char in "&%\\?":
            from .unicode_fold import fold

            return fold(text)
        if char.isalpha() or char.isdigit():
            found += char.lower()
    return found

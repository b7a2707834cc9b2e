"""What the race role raises for its caller; each has one sentence that says what to do next."""


class RaceUnavailable(Exception):
    """This device cannot keep a journal of passings."""


class JournalFull(Exception):
    """There is no blank sector left; nothing was stored, and nothing was overwritten."""

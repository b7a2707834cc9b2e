"""Power cuts: the real agent lives through every one of them, and an independent judge counts."""

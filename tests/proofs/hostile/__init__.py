"""Answers that no client should trust, by the thousand, each to a first boot of its own."""

"""Answers that no reader in a race should trust, by the thousand, each to a race of its own."""

"""The finish line: what a reader's journal holds, listed and exported, from a port or from a dump."""

"""Lifetimes of a reader that races, run by the real MicroPython: the role's code over flash bytes."""

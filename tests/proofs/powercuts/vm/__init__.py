"""Lifetimes of one unit, run by the real MicroPython: the agent's code over on-flash bytes."""

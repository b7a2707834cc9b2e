"""Startline's role time: a clock of milliseconds, for a race or for a program of its own."""

"""Startline's race role: passings that are stored when the call returns, and sent once."""

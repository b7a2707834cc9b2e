"""Startline's role online: the time and a kept connection, for a program that nothing may hold up."""

"""Answers and lists as clouds write them, and what each has to come to on every end."""

"""The bench's scenarios: data that says what happens to a reader, and what must come of it."""

"""The service `micropython` for pytest-embedded, beside `serial` or `esp`: a dut with a raw REPL."""

"""The test bench: scenarios, their runner, its reports, and the pytest plugin."""

# Freezes this role into a firmware, beside the core: include() this file from a board's manifest.
# ruff: noqa: F821 - a manifest runs where these names are
metadata(
    description="Startline's role time: a clock of milliseconds, from servers that must agree.",
    version="0.2.0",
)
package(
    "startline_time",
    ("__init__.py", "sntp.py", "time_map.py", "timekeeper.py", "uptime.py"),
    base_path="..",
)

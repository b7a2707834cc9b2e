# Freezes this role into a firmware, beside the core: include() this file from a board's manifest.
# ruff: noqa: F821 - a manifest runs where these names are
metadata(
    description="Startline's role online: the time and a kept connection that hold nobody up.",
    version="0.2.0",
)
package(
    "startline_online",
    (
        "__init__.py",
        "connection.py",
        "held_stream.py",
        "network.py",
        "sntp.py",
        "time_map.py",
        "timekeeper.py",
        "uptime.py",
        "utc_text.py",
    ),
    base_path="..",
)

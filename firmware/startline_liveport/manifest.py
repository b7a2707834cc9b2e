# Freezes this role into a firmware, beside the core: include() this file from a board's manifest.
# ruff: noqa: F821 - a manifest runs where these names are
metadata(
    description="Startline's role liveport: a race's passings for timing software at the venue.",
    version="0.2.0",
)
package(
    "startline_liveport", ("__init__.py", "client.py", "cursor.py", "record.py"), base_path=".."
)

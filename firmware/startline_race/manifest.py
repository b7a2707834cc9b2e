# Freezes this role into a firmware, beside the core: include() this file from a board's manifest.
# ruff: noqa: F821 - a manifest runs where these names are
metadata(
    description="Startline's role race: times passings, stores them, and sends them once.",
    version="0.2.0",
)
package(
    "startline_race",
    (
        "__init__.py",
        "batch.py",
        "batch_steps.py",
        "checks.py",
        "clouds/__init__.py",
        "clouds/rufus.py",
        "dead_time.py",
        "errors.py",
        "journal.py",
        "journal_format.py",
        "passing_format.py",
        "progress.py",
        "race.py",
        "reply.py",
        "sender.py",
        "session_steps.py",
        "settings.py",
        "time_points.py",
    ),
    base_path="..",
)

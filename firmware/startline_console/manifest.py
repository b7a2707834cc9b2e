# Freezes this role into a firmware, beside the core: include() this file from a board's manifest.
# ruff: noqa: F821 - a manifest runs where these names are
metadata(
    description="Startline's role console: answers the bench computer while a race goes on.",
    version="0.2.0",
)
package("startline_console", ("__init__.py", "answers.py", "resend.py"), base_path="..")

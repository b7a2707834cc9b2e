# Freezes this role into a firmware, beside the core: include() this file from a board's manifest.
# ruff: noqa: F821 - a manifest runs where these names are
metadata(
    description="Startline's role improv: takes Wi-Fi settings from a browser, by Improv Serial.",
    version="0.2.0",
)
package("startline_improv", ("__init__.py",), base_path="..")

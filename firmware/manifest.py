# Freezes the agent into a firmware: include() this file from a board's manifest.
# ruff: noqa: F821 - a manifest runs where these names are
metadata(
    description="Binds a timing reader to its cloud once, and never twice.",
    version="0.2.0",
)
require("ntptime")
require("requests")
package("startline")

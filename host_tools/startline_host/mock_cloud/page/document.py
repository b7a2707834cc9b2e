"""The page as one self-contained document, and the policy that lets only its own parts run."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

#: The parts of the page's script, in their order: what one needs comes before it.
_SCRIPTS = ("sessions.js", "script.js")


@cache
def document() -> tuple[bytes, dict[str, str]]:
    """Put markup, style and script together; return the page and its headers."""
    folder = files("startline_host.mock_cloud.page")
    style = folder.joinpath("style.css").read_text(encoding="utf-8")
    script = "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
    markup = folder.joinpath("index.html").read_text(encoding="utf-8")
    page = markup.replace("/* style.css */", style).replace("/* script.js */", script)
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return page.encode(), {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

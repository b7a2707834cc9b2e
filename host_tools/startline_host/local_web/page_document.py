"""A page as one self-contained document, and the policy that lets only its own parts run."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from importlib.resources import files

_SHARED = "startline_host.local_web"
#: Where a page's markup takes its token, its style and its script.
_TOKEN, _STYLE, _SCRIPT = "{{ token }}", "/* style.css */", "/* script.js */"


def page_document(
    package: str, scripts: tuple[str, ...], token: str = ""
) -> tuple[bytes, dict[str, str]]:
    """Put a package's index.html, style.css and `scripts` together; return the page and its headers.

    What pages share (base.css, base.js) comes before each page's own. `token` is what the page
    has to send with every change, where its server wants one.
    """
    markup, headers = _assembled(package, scripts)
    return markup.replace(_TOKEN, escape(token)).encode(), headers


@cache
def _assembled(package: str, scripts: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    style = _text(_SHARED, "base.css") + _text(package, "style.css")
    script = "\n".join([_text(_SHARED, "base.js"), *(_text(package, name) for name in scripts)])
    markup = _text(package, "index.html").replace(_STYLE, style).replace(_SCRIPT, script)
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return markup, {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

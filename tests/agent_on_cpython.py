"""The agent's modules in this very Python, for tests that call them one by one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from startline import binding
from startline.net import http_guard


@pytest.fixture(scope="session", autouse=True)
def agent_on_cpython() -> Iterator[None]:
    """Let the agent's modules run here, too: each chip has `tls`; and none goes that a test holds."""
    module = SimpleNamespace(PROTOCOL_TLS_CLIENT=0, SSLContext=lambda _kind: object())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tls", module)
        for holder in (binding, http_guard):
            patch.setattr(holder, "forget", lambda _names: None)
        yield

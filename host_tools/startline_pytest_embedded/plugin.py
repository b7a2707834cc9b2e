"""Makes the service known to pytest-embedded, and gives its dut a prompt.

pytest-embedded has one table of services and no way to add to it but to write there.
"""

from __future__ import annotations

from typing import Any

import pytest
from pytest_embedded.utils import FIXTURES_SERVICES, SERVICE_LIB_NAMES, RequireServiceError

from startline_pytest_embedded.dut_prompt import DutPrompt

SERVICE = "micropython"
_NEEDS = ("serial", "esp")


def pytest_configure(config: pytest.Config) -> None:
    """Add the service, and the fixture that stands in front of pytest-embedded's own."""
    SERVICE_LIB_NAMES[SERVICE] = "startline-pytest-embedded"
    if SERVICE not in FIXTURES_SERVICES["dut"]:
        FIXTURES_SERVICES["dut"].append(SERVICE)
    # Registered here it comes after pytest-embedded's, in whatever order the plugins were loaded.
    config.pluginmanager.register(PromptFixtures(), "startline_prompt_fixtures")


class PromptFixtures:
    """The fixtures that this service replaces."""

    @pytest.fixture
    def dut(self, dut: Any, _services: Any) -> Any:
        """Provide pytest-embedded's dut, with `repl` where the service was asked for."""
        many = isinstance(dut, (list, tuple))
        for number, one in enumerate(dut if many else [dut]):
            services = _services[number] if many else _services
            if SERVICE in services:
                if not any(needed in services for needed in _NEEDS):
                    raise RequireServiceError("dut.repl", list(_NEEDS))
                one.repl = DutPrompt(one.serial)
        return dut

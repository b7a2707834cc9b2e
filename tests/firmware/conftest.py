"""What the agent's tests share: the compiled agent, a cloud, and readers that are set up for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from startline_host.mock_cloud import MockCloud
from tests.agent_on_cpython import agent_on_cpython  # noqa: F401 - pytest finds it here
from tests.firmware.harness import HarnessReader, compile_agent, factory_image, settings_for

MakeReader = Callable[..., HarnessReader]


@pytest.fixture(scope="session")
def lib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the agent once."""
    return compile_agent(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def running_cloud() -> Iterator[MockCloud]:
    """Run one mock cloud for a file of tests."""
    with MockCloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: MockCloud) -> MockCloud:
    """Give a cloud that knows no device yet."""
    running_cloud.reset()
    return running_cloud


@pytest.fixture
def make_reader(tmp_path: Path, lib: Path, running_cloud: MockCloud) -> MakeReader:
    """Make readers that are provisioned for the cloud, with what is said otherwise."""

    def make(
        name: str = "reader",
        *,
        base_url: str = "",
        ca: bytes | None = None,
        key: str = "",
        unit: dict[str, Any] | None = None,
        **settings: Any,
    ) -> HarnessReader:
        given = settings_for(
            base_url or running_cloud.base_url,
            ca or running_cloud.ca_der,
            key or running_cloud.keys["WRITE"],
            **settings,
        )
        return HarnessReader(tmp_path / name, lib, factory_image(given, **(unit or {})))

    return make


@pytest.fixture
def reader(make_reader: MakeReader, cloud: MockCloud) -> HarnessReader:
    """Give a blank reader for a cloud that does not know it yet."""
    return make_reader()


@pytest.fixture(autouse=True)
def on_this_vm(vm: str) -> str:
    """Run every test here on the MicroPython that is its turn."""
    return vm

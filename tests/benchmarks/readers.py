"""Readers of the fake chip, provisioned for a cloud that runs here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from startline_host.mock_cloud import MockCloud
from tests.firmware.harness import HarnessReader, factory_image, settings_for


def make_reader(folder: Path, lib: Path, cloud: MockCloud, **settings: Any) -> HarnessReader:
    """Return a blank reader that will bind itself to `cloud`; `settings` are those of [set]."""
    given = settings_for(cloud.base_url, cloud.ca_der, cloud.keys["WRITE"], **settings)
    return HarnessReader(folder, lib, factory_image(given))

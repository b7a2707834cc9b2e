"""Clouds are found by the names of their files, alike on the device and on the host."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest
from startline import roles

from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, cloud_names, find_cloud, kind_of
from startline_host.errors import BadInput
from startline_host.formats.factory_partition import CLAIM_SECRETS, ClaimSettings
from startline_host.secrets import Secret

_HOST = Path(__file__).parents[2] / "host_tools" / "startline_host"
#: Where a cloud may be named in code: its own file, and its mock.
_MAY_NAME = ("clouds/", "mock_cloud/")


@pytest.mark.parametrize("name", cloud_names())
def test_a_cloud_is_there_on_both_ends(name: str) -> None:
    """The agent finds a module of that name, and what it needs can stand in [claim]."""
    module = roles.find_cloud(name)
    assert module is not None
    needed = {one.removeprefix("claim.") for one in module.NEEDED if one.startswith("claim.")}
    assert needed <= {*find_cloud(name).claim.__struct_fields__}


@pytest.mark.parametrize("name", cloud_names())
def test_its_mock_is_where_it_says(name: str) -> None:
    """What a cloud's file names is the factory of a mock."""
    assert callable(pkgutil.resolve_name(find_cloud(name).played.mock))


@pytest.mark.parametrize("name", cloud_names())
def test_its_secrets_are_those_that_the_agent_erases(name: str) -> None:
    """A secret of [claim] has a name that the agent knows to zero."""
    kind = find_cloud(name)
    claim = kind.played.claim("https://c.example/v0", Secret("k"), "S-1")
    assert isinstance(claim, kind.claim)
    assert issubclass(kind.claim, ClaimSettings)
    secret = {one for one, value in claim.own_fields() if isinstance(value, Secret)}
    assert secret <= CLAIM_SECRETS.keys()


def test_an_unknown_cloud_is_refused_with_the_names_there_are() -> None:
    """A name out of a settings file is bad input; one out of a device is a cloud without calls."""
    with pytest.raises(BadInput, match=r"claim\.cloud is '_template'") as caught:
        find_cloud("_template")
    assert DEFAULT_CLOUD in caught.value.hint
    for name in ("../rufus", "cloud_check", "nobody"):
        assert not kind_of(name).lists


def test_nothing_else_names_a_cloud() -> None:
    """Outside its own room a cloud is named only as a file to load: the agent's role packages."""
    named = re.compile(r"\b(" + "|".join(cloud_names()) + r")\b")
    found = [
        f"{path.relative_to(_HOST)}:{number}: {line.strip()}"
        for path in sorted(_HOST.rglob("*.py"))
        if not path.relative_to(_HOST).as_posix().startswith(_MAY_NAME)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if named.search(line)
    ]
    assert found == []

"""The world of a virtual chip: described once, checked before the chip starts."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from startline_host.cli.virtual import command
from startline_host.errors import BadInput
from startline_host.virtual.world_file import World, WorldAccessPoint, WorldWatch, check_world
from startline_host.virtual.world_keys import ACCESS_POINT_KEYS, WORLD_KEYS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON"),
        ("", "is no JSON"),
        ("\xff", "is no JSON"),
        ("[]", "it is no object"),
        ('{"acess_points": {}}', "there is no key 'acess_points'"),
        ('{"access_points": {"ok": {}, "a b": {"pass": "x"}}}', "no key 'access_points.a b.pass'"),
        ('{"access_points": {"a": {"delay_ms": "5"}}}', "access_points.a.delay_ms: expected `int`"),
        ('{"access_points": {"a": {"fault": "gone"}}}', "access_points.a.fault"),
        ('{"access_points": ["a"]}', "access_points: expected `object`"),
        ('{"ports": {"123": 99999}}', "ports.123"),
        ('{"clock": "now"}', "clock is not a date such as 2000-01-01"),
        ('{"pins": {"0": 2}}', "pins.0"),
        ('{"dns_fault": "maybe"}', "dns_fault"),
        ('{"dns": {"cloud.example": 5}}', "dns.cloud.example"),
    ],
)  # fmt: skip
def test_a_world_that_cannot_be_is_refused_by_its_key(
    tmp_path: Path, text: str, words: str
) -> None:
    """Bad JSON, unknown keys and wrong types are named with the key, and the known ones listed."""
    path = tmp_path / "world.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput) as caught:
        check_world(path)
    assert words in caught.value.message
    assert str(path) in caught.value.message


def test_a_missing_world_is_bad_input_of_the_verb(tmp_path: Path) -> None:
    """`startline virtual` does not start in a world that nobody wrote."""
    options = ["--flash", str(tmp_path / "a.flash"), "--world", str(tmp_path / "none.json")]
    done = CliRunner().invoke(command, options)
    assert isinstance(done.exception, BadInput)
    assert "none.json cannot be read" in done.exception.message
    assert not (tmp_path / "a.flash").exists()


def test_a_whole_world_is_taken(tmp_path: Path) -> None:
    """Everything that the runtime goes by can be said; names may be any bytes."""
    world = {
        "access_points": {"caf\udce9": {"password": None, "after_ms": 5, "fault": "no_traffic"}},
        "link_fault": None, "dns": {"a": "127.0.0.1", "b": ["127.0.0.1", "127.0.0.2"], "c": None},
        "dns_fault": "stall", "dns_stall_ms": 10, "ports": {"127.0.0.2:123": 40123},
        "ntp": {"*": -3.5, "x": None}, "clock": "2000-01-01T12:00:00", "pins": {"0": 1},
    }  # fmt: skip
    assert {*world} == {*World.__struct_fields__}
    path = tmp_path / "world.json"
    path.write_text(json.dumps(world), encoding="utf-8")
    check_world(path)


def test_what_is_checked_is_what_is_described() -> None:
    """The keys that are known are those of the book's tables, and `--help` names them all."""
    said = CliRunner(env={"COLUMNS": "200"}).invoke(command, ["--help"]).output
    assert World.__struct_fields__ == tuple(WORLD_KEYS)
    assert WorldAccessPoint.__struct_fields__ == tuple(ACCESS_POINT_KEYS)
    assert [key for key in (*WORLD_KEYS, *ACCESS_POINT_KEYS) if key not in said] == []


def test_a_world_that_is_spoilt_meanwhile_is_told_of(tmp_path: Path) -> None:
    """Whoever mistypes a key while the chip runs hears of it."""
    path = tmp_path / "world.json"
    path.write_text("{}", encoding="utf-8")
    os.utime(path, (1, 1))
    told = threading.Event()
    said: list[str] = []

    def warn(words: str) -> None:
        said.append(words)
        told.set()

    with WorldWatch(path, warn):
        # The watch looks first when it is entered, and then again and again.
        while not told.wait(0.2):
            path.write_text('{"dsn": {}}' + " " * len(said), encoding="utf-8")
            os.utime(path)
    assert "there is no key 'dsn'" in said[0]

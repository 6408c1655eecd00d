"""What lab ci says of a change: as a verdict, as JUnit XML, as Markdown for the page of a job."""

from typing import Any
from xml.etree import ElementTree

import pytest
from uploadlab.analysis.case_results import CaseOutcome, CaseResult, beside_base, case_results
from uploadlab.analysis.change import ChangeResult, ChangeVerdict
from uploadlab.analysis.comparison import CPU, SECONDS, ComparedCell, Found
from uploadlab.analysis.significance import Interval, judge_ratio
from uploadlab.analysis.slowdowns import Pace, judged_paces
from uploadlab.model.checks import Check, KnownException, Verdict
from uploadlab.model.deployments import Target
from uploadlab.model.runs import Run
from uploadlab.presenting.change_answer import MOST_SUMMARY_BYTES, change_document, job_summary
from uploadlab.presenting.junit import SuiteFacts, junit_file

from .helpers import run_of

FACTS = SuiteFacts(
    "2026-11-27T18:00:00.000+00:00", "host", {"tuned": {"flask": "3.1.9"}}, lambda cell: "lab check"
)
HOSTILE = 'a & b <c> "d" \x00\x1b[31m\ud800\ufffe | ]]> `x` ${{ y }}'


def row(
    case: str, verdict: Verdict = Verdict.PASS, at: int = 0, name: str = "tuned", text: str = "", **more: Any
) -> Check:
    return Check(
        case=case, deployment=name, route="/request-stream", label="", verdict=verdict,
        started_at=f"2026-11-27T18:00:{at:02}+00:00", text=text, **more,
    )  # fmt: skip


def checked(**more: Any) -> Run:
    run = run_of()
    run.targets = [Target("tuned", "", "tuned"), Target("stock", "", "stock")]
    run.checks = ["one-byte", "chunked", "stall"]
    for name, value in more.items():
        setattr(run, name, value)
    return run


def outcomes(run: Run, *rows: Check) -> dict[tuple[str, str], str]:
    return {(one.deployment, one.case): str(one.outcome) for one in case_results(run, rows)}


def test_each_case_at_each_deployment_has_an_outcome() -> None:
    known = KnownException(
        name="k", cases=["stall"], deployments=["tuned"], codes=["late"], reason="its timeout", fix="none"
    )
    found = outcomes(
        checked(exceptions=[known]),
        row("one-byte"), row("chunked", Verdict.LOSS), row("stall", Verdict.FAIL, code="late"),
        row("one-byte", name="stock"), row("chunked", Verdict.LOSS, name="stock"),
    )  # fmt: skip
    assert found == {
        ("tuned", "one-byte"): "passed", ("tuned", "chunked"): "failed", ("tuned", "stall"): "skipped",
        ("stock", "one-byte"): "passed", ("stock", "chunked"): "skipped", ("stock", "stall"): "error",
    }  # fmt: skip


def test_a_deployment_that_does_not_start_is_an_error_in_each_case() -> None:
    run = checked(targets=[Target("stock", "", "stock")], checks=["one-byte", "chunked"])
    gone = [
        row(case, Verdict.UNAVAILABLE, name="stock", text="ModuleNotFoundError: shop") for case in run.checks
    ]
    results = case_results(run, gone)
    assert {result.outcome for result in results} == {CaseOutcome.ERROR}
    assert "ModuleNotFoundError: shop" in results[0].why
    assert ChangeResult("a", "b", 0.1, results).verdict is ChangeVerdict.FAIL


def test_what_default_settings_may_fail_must_not_if_it_passes_with_the_base() -> None:
    def of(*rows: Check) -> list[CaseResult]:
        return case_results(checked(targets=[Target("stock", "", "stock")]), rows)

    lost = Verdict.LOSS
    head = of(*(row(case, lost, name="stock") for case in ("one-byte", "chunked", "stall")))
    assert {cell.outcome for cell in head} == {CaseOutcome.SKIPPED}
    base = of(row("one-byte", name="stock"), row("chunked", lost, name="stock"))[:2]
    found = beside_base(head, base)
    assert [cell.outcome for cell in found] == [CaseOutcome.FAILED, CaseOutcome.SKIPPED, CaseOutcome.SKIPPED]
    assert found[0].why.startswith("passes with the base, now silent loss")
    assert found[1].why.endswith("with the base, too")


def test_a_case_takes_until_the_next_one_begins() -> None:
    results = case_results(checked(), [row("one-byte", at=1), row("chunked", at=4), row("chunked", at=5)])
    assert [result.seconds for result in results[:3]] == [3.0, None, None]


def cell(
    speed: float | None = 1.0,
    cpu: float | None = 1.0,
    noise: float = 0.03,
    cpu_noise: float = 0.03,
    **more: Any,
) -> ComparedCell:
    """A cell by its ratios of speed and of CPU seconds, each with its noise."""
    verdicts = {
        field: judge_ratio(Interval(ratio, ratio / 1.01, ratio * 1.01), 1 + floor)
        for field, ratio, floor in ((SECONDS, speed, noise), (CPU, cpu, cpu_noise))
        if ratio
    }
    return ComparedCell("head", "request.stream", 1 << 20, 8, verdicts, **more)


def pace(line: ComparedCell, share: float = 0.1) -> tuple[Pace, str]:
    (judged,) = judged_paces([Found("base", [], [line], [])], share)
    return judged.pace, judged.why


@pytest.mark.parametrize(
    ("line", "expected", "why"),
    [
        (cell(), Pace.FINE, "by speed"),
        (cell(speed=0.8), Pace.SLOWER, "takes 25% longer"),
        (cell(speed=0.95), Pace.FINE, "by speed"),
        (cell(noise=0.3), Pace.FINE, "by CPU seconds"),
        (cell(noise=0.3, cpu=1.2), Pace.SLOWER, "uses 20% more CPU"),
        (cell(noise=0.3, cpu=None), Pace.NOT_JUDGED, "the noise is ±30.0%"),
        (cell(noise=0.3, cpu_noise=0.2), Pace.NOT_JUDGED, "of CPU seconds ±20.0%"),
        (cell(speed=None, cpu=None), Pace.NOT_JUDGED, "by 8 rounds"),
        (cell(instead="refused: 413"), Pace.BROKEN, "refused: 413"),
        (cell(base_instead="refused: 413"), Pace.BASE_FAILS, "refused: 413"),
        (cell(base_instead="unavailable"), Pace.NOT_JUDGED, "the base is unavailable"),
    ],
)
def test_cpu_seconds_decide_where_the_speed_is_too_noisy(
    line: ComparedCell, expected: Pace, why: str
) -> None:
    assert pace(line)[0] is expected
    assert why in pace(line)[1]


def result(**more: Any) -> ChangeResult:
    run = checked(targets=[Target("tuned", "", "tuned")])
    rows = [row("one-byte"), row("chunked", Verdict.LOSS, text=HOSTILE), row("stall")]
    lines = [cell(), cell(speed=0.5), cell(noise=0.5, cpu=None)]
    paces = judged_paces([Found("base", [], lines, [])], 0.1)
    return ChangeResult("gunicorn==26.1.0", HOSTILE, 0.1, case_results(run, rows), paces)._replace(**more)


def test_what_is_not_judged_fails_like_a_slowdown_or_a_failed_case() -> None:
    def verdict(*paces: Pace, **more: Any) -> ChangeVerdict:
        chosen = [judged for judged in result().paces if judged.pace in paces]
        return result(cases=[], paces=chosen)._replace(**more).verdict

    assert verdict(Pace.FINE) is ChangeVerdict.PASS
    assert verdict(Pace.SLOWER) is ChangeVerdict.FAIL
    assert verdict(Pace.NOT_JUDGED) is ChangeVerdict.FAIL
    assert verdict(nothing_arrived={"tuned": "refused"}) is ChangeVerdict.FAIL
    assert verdict(Pace.FINE, problem="no network") is ChangeVerdict.ERROR
    assert result(paces=[]).verdict is ChangeVerdict.FAIL


REQUIRED = {
    "testsuite": ["name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time"],
    "testcase": ["classname", "name", "time"],
    "failure": ["message", "type"],
    "error": ["message", "type"],
    "skipped": [],
    "property": ["name", "value"],
}
"""What the schemas of Ant and of Jenkins' xUnit plugin require together."""


def parsed(what: ChangeResult) -> ElementTree.Element:
    """The XML as a program that knows the schemas reads it."""
    root = ElementTree.fromstring(junit_file(what, FACTS).encode())
    assert (root.tag, root.attrib) == ("testsuites", {})
    for element in root.iter():
        assert not [name for name in REQUIRED.get(element.tag, []) if not element.get(name)]
    for number, suite in enumerate(root):
        assert suite.get("id") == str(number)
        kinds = [child.tag for child in suite if child.tag != "testcase"]
        assert (kinds, suite[0].tag) == (["properties", "system-out", "system-err"], "properties")
        cases = suite.findall("testcase")
        assert [len(one) for one in cases if len(one) > 1] == []
        kinds = [one[0].tag for one in cases if len(one)]
        counted = {name: int(suite.get(name, "-1")) for name in ("tests", "failures", "errors", "skipped")}
        assert counted == {
            "tests": len(cases), "failures": kinds.count("failure"), "errors": kinds.count("error"),
            "skipped": kinds.count("skipped"),
        }  # fmt: skip
        names = [one.get("name") for one in cases]
        assert len(names) == len(set(names)) or suite.get("name") == "comparison"
    return root


def test_junit_has_a_suite_for_each_deployment_and_one_for_the_comparison() -> None:
    root = parsed(result())
    assert [suite.get("name") for suite in root] == ["tuned", "comparison"]
    (bad,) = root[0].iter("failure")
    assert str(bad.get("message")).startswith("silent loss: a & b <c>")
    assert "Again: lab check" in str(bad.text)
    assert not [letter for letter in "".join(root.itertext()) if letter < " " and letter != "\n"]
    assert next(one.get("value") for one in root[1].iter("property")) == "gunicorn==26.1.0"
    assert [one.get("message") for one in root[1].iter("failure")] == [
        "slower: takes 100% longer",
        "not judged: cannot be judged, the noise is ±50.0%",
    ]


def test_what_ended_early_is_in_the_xml_and_on_the_page() -> None:
    why = "gunicorn==999: No matching distribution found"
    early = ChangeResult("gunicorn==999", "locked", 0.1, problem=why)
    (suite,) = parsed(early)
    assert [one.get("message") for one in suite.iter("error")] == [why]
    page = job_summary(change_document(early, [], {}), {})
    assert page.startswith(f"# Error: {why}\n")


def test_the_page_of_a_job_says_what_failed_and_stays_below_the_limit() -> None:
    document = change_document(result(), ["in 3 min"], {"To try it again": "lab check"})
    page = job_summary(document, {"The check": document})
    assert page.startswith(
        "# Fail: tuned failed 1 cell of the check; 1 of 3 compared ways over 10% slower; 1 of"
    )
    assert "<c>" not in page
    assert "\x1b" not in page
    assert "| tuned | 2 | 1 | 0 | 0 |" in page
    assert "<details><summary>The check</summary>" in page
    many = [CaseResult("tuned", f"case-{number}", CaseOutcome.FAILED, "x" * 1000) for number in range(1500)]
    long = change_document(result(cases=many), [], {})
    assert len(job_summary(long, dict.fromkeys(map(str, range(30)), long)).encode()) < MOST_SUMMARY_BYTES

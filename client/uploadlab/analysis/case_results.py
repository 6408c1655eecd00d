"""What a check showed of each case at each deployment: passed, failed, could not be tried, left out. Pure."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from uploadlab.analysis.grid import falls_short, known_exception, latest
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import CLIENT, Target
from uploadlab.model.runs import Run
from uploadlab.planning.check_cells import applies

DEFAULTS = "fails with default settings"


class CaseOutcome(StrEnum):
    """What a case at a deployment means to a program that only counts."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    """The case could not be tried."""
    SKIPPED = "skipped"
    """The case does not apply, or its failure is known."""


class CaseResult(NamedTuple):
    """A case at a deployment."""

    deployment: str
    case: str
    outcome: CaseOutcome
    why: str = ""
    """Empty for a case that passed."""
    rows: Sequence[Check] = ()
    """The attempts that did not pass."""
    seconds: float | None = None
    """Until the deployment's next case began; None: no case came after it."""

    may_fail: bool = False
    """Whether it failed where that is allowed, since the server has default settings."""

    @property
    def is_bad(self) -> bool:
        """Whether it must not be so."""
        return self.outcome in (CaseOutcome.FAILED, CaseOutcome.ERROR)


def case_results(run: Run, checks: Sequence[Check]) -> list[CaseResult]:
    """Return each case of a run at each of its deployments, in the order of the run."""
    rows = latest(checks)
    short = falls_short(run, checks)
    results = []
    for target in run.targets:
        mine = [row for row in rows if row.deployment == target.name]
        seconds = _seconds(mine)
        for case in run.checks if target.tier != CLIENT else ():
            of_case = [row for row in mine if row.case == case]
            result = _result(run, target, case, of_case, [row for row in short if row in of_case])
            results.append(result._replace(seconds=seconds.get(case)))
    return results


def beside_base(results: Sequence[CaseResult], base: Sequence[CaseResult]) -> list[CaseResult]:
    """Return the results of a head, where what may fail must not if it passes with the base."""
    passed = {(cell.deployment, cell.case) for cell in base if cell.outcome is CaseOutcome.PASSED}
    tried = passed | {(cell.deployment, cell.case) for cell in base if cell.may_fail}
    found = []
    for cell in results:
        place = cell.deployment, cell.case
        if cell.may_fail and place in passed:
            why = f"passes with the base, now {cell.why.removeprefix(f'{DEFAULTS}: ')}"
            cell = cell._replace(outcome=CaseOutcome.FAILED, why=why)
        elif cell.may_fail and place in tried:
            cell = cell._replace(why=f"{cell.why}; with the base, too")
        found.append(cell)
    return found


def _result(run: Run, target: Target, case: str, rows: Sequence[Check], short: Sequence[Check]) -> CaseResult:
    """Return the outcome of a case by its rows, and by those that had to pass but did not."""
    if not rows:
        if target.unavailable or not applies(target, case):
            why = target.unavailable or f"{target.name} takes no such upload"
            return CaseResult(
                target.name, case, CaseOutcome.ERROR if target.unavailable else CaseOutcome.SKIPPED, why
            )
        return CaseResult(target.name, case, CaseOutcome.ERROR, "not tried before the check ended")
    bad = [row for row in rows if row.verdict is not Verdict.PASS]
    if not bad:
        return CaseResult(target.name, case, CaseOutcome.PASSED)
    if all(row.verdict is Verdict.UNAVAILABLE for row in bad):
        return CaseResult(target.name, case, CaseOutcome.ERROR, bad[0].text, bad)
    if short:
        return CaseResult(target.name, case, CaseOutcome.FAILED, _why(short[0]), short)
    failed = [row for row in bad if row.verdict in (Verdict.FAIL, Verdict.LOSS)]
    result = CaseResult(target.name, case, CaseOutcome.SKIPPED, bad[0].text, bad)
    if not failed:
        return result
    if known := known_exception(failed[0], run.exceptions):
        return result._replace(why=f"known failure: {known.reason}")
    return result._replace(why=f"{DEFAULTS}: {_why(failed[0])}", rows=failed, may_fail=True)


def _why(row: Check) -> str:
    return f"{row.verdict}: {row.text}"


def _seconds(rows: Sequence[Check]) -> dict[str, float]:
    """Return how long each case took at a deployment, which tries one after the other."""
    began: dict[str, datetime] = {}
    for row in rows:
        try:
            began.setdefault(row.case, datetime.fromisoformat(row.started_at))
        except ValueError:
            continue  # a damaged line
    ordered = sorted(began.items(), key=lambda item: item[1])
    return {case: (after - start).total_seconds() for (case, start), (_, after) in pairwise(ordered)}

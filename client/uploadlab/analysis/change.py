"""Whether a change may go on: what a check and a comparison with the base say of it. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from uploadlab.analysis.case_results import CaseOutcome, CaseResult
from uploadlab.analysis.slowdowns import NOT_ALLOWED, JudgedPace, Pace
from uploadlab.model.checks import Verdict


class ChangeVerdict(StrEnum):
    """The one word that a job ends with."""

    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    ERROR = "error"
    """It could not be carried out, so nothing is known."""


class ChangeResult(NamedTuple):
    """What is known of a change."""

    base: str
    """What the change is compared with, as the user wrote it."""
    head: str
    """What is judged, as the user wrote it, or what stands for it."""
    share: float
    """The slowdown that is allowed: 0.1 of 10%."""
    cases: Sequence[CaseResult] = ()
    """The cells of the check, of the head."""
    paces: Sequence[JudgedPace] = ()
    """The cells of the comparison."""
    nothing_arrived: Mapping[str, str] = {}
    """Where no upload of the comparison arrived at all, with the reason."""
    problem: str = ""
    """Why it could not be carried out to its end; empty: it was."""

    @property
    def bad_cases(self) -> list[CaseResult]:
        """The cells that must not be so."""
        return [result for result in self.cases if result.is_bad]

    @property
    def bad_paces(self) -> list[JudgedPace]:
        """The cells that are slower than is allowed, broken, or not judged."""
        return [judged for judged in self.paces if judged.pace in NOT_ALLOWED]

    @property
    def nothing_compared(self) -> bool:
        """Whether the base fails wherever the head was to be compared with it."""
        return {judged.pace for judged in self.paces} == {Pace.BASE_FAILS}

    @property
    def has_unknown(self) -> bool:
        """Whether it is not known what the head stored of some upload that it accepted."""
        return any(row.verdict is Verdict.UNKNOWN for cell in self.cases for row in cell.rows)

    @property
    def verdict(self) -> ChangeVerdict:
        """The word that all of it comes to."""
        if self.problem:
            return ChangeVerdict.ERROR
        is_bad = self.bad_cases or self.bad_paces or self.nothing_arrived or self.nothing_compared
        return ChangeVerdict.FAIL if is_bad else ChangeVerdict.PASS

    def cases_of(self, outcome: CaseOutcome) -> list[CaseResult]:
        """Return the cells of the check that ended so."""
        return [result for result in self.cases if result.outcome is outcome]

    def paces_of(self, pace: Pace) -> list[JudgedPace]:
        """Return the cells of the comparison that this is said of."""
        return [judged for judged in self.paces if judged.pace is pace]

"""What a check of the compatibility grid showed: failures, losses, known exceptions."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from uploadlab.model.checks import Check, Known, Verdict
from uploadlab.model.deployments import DERIVED, EXTERNAL
from uploadlab.model.runs import Run

HELD = ("tuned", DERIVED, EXTERNAL)
"""The tiers that have to hold: what the user named counts as if it were tuned."""


def latest(rows: Sequence[Check]) -> list[Check]:
    """Without what could not be tried, if it could later on."""
    tried = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    return [
        row
        for row in rows
        if row.verdict is not Verdict.UNAVAILABLE or (row.deployment, row.case) not in tried
    ]


def lost_bytes(row: Check) -> int:
    """By how much an acknowledged file is shorter or longer than what was sent."""
    return abs((row.sent_bytes or 0) - (row.stored_bytes or 0)) if row.verdict is Verdict.LOSS else 0


def falls_short(run: Run, rows: Sequence[Check]) -> list[Check]:
    """The attempts at which a target that has to hold did not, and nobody knew."""
    held = {target.name for target in run.targets if target.tier in HELD}
    return [
        row
        for row in latest(rows)
        if row.deployment in held
        and row.verdict not in (Verdict.PASS, Verdict.UNKNOWN)
        and not known_exception(row, run.exceptions)
    ]


def idle_exceptions(run: Run, rows: Sequence[Check]) -> list[Known]:
    """Listed exceptions of this run's cells that did not show."""
    shown = {known.name for row in rows if (known := known_exception(row, run.exceptions))}
    cells = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    return [
        one
        for one in run.exceptions
        if one.name not in shown
        and any((name, case) in cells for name in one.deployments for case in one.cases)
    ]


def known_exception(row: Check, exceptions: Sequence[Known]) -> Known | None:
    """The exception that covers an attempt; None if it is none, or nobody knew."""
    if row.verdict not in (Verdict.FAIL, Verdict.LOSS):
        return None
    return next((one for one in exceptions if _covers(one, row)), None)


def _covers(one: Known, row: Check) -> bool:
    here = row.case in one.cases and row.deployment in one.deployments
    return here and any(fnmatchcase(row.text, pattern) for pattern in one.shows)

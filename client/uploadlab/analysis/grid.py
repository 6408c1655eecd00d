"""What a check of the compatibility grid showed: failures, losses, known exceptions."""

from collections.abc import Sequence

from uploadlab.catalogue.cases import LIMITS
from uploadlab.model.checks import Check, KnownException, Verdict
from uploadlab.model.deployments import DERIVED, EXTERNAL
from uploadlab.model.runs import Run

HELD = ("tuned", DERIVED, EXTERNAL)
"""The tiers that must pass: a config or target of the user's counts as if it were tuned."""


def latest(rows: Sequence[Check]) -> list[Check]:
    """Return the rows without those that say "unavailable" of a cell that could be tried later."""
    tried = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    return [
        row
        for row in rows
        if row.verdict is not Verdict.UNAVAILABLE or (row.deployment, row.case) not in tried
    ]


def judged(run: Run, rows: Sequence[Check]) -> list[Check]:
    """Return the rows that a check is judged by: all but the limits that a plan measures."""
    return [row for row in rows if run.is_check or row.case not in LIMITS]


def measured_limits(run: Run, rows: Sequence[Check]) -> list[Check]:
    """Return the rows of the limits that a plan measures after its uploads."""
    return [row for row in rows if row.case in LIMITS and not run.is_check]


def lost_bytes(row: Check) -> int:
    """Return by how much an acknowledged file is shorter or longer than the file sent."""
    return abs((row.sent_bytes or 0) - (row.stored_bytes or 0)) if row.verdict is Verdict.LOSS else 0


def falls_short(run: Run, rows: Sequence[Check]) -> list[Check]:
    """Return the attempts that had to pass but did not, and that no exception covers."""
    held = {target.name for target in run.targets if target.tier in HELD}
    return [
        row
        for row in latest(rows)
        if row.deployment in held
        and row.verdict not in (Verdict.PASS, Verdict.UNKNOWN)
        and not known_exception(row, run.exceptions)
    ]


def idle_exceptions(run: Run, rows: Sequence[Check]) -> list[KnownException]:
    """Return the listed exceptions of this run's cells that covered no attempt.

    They are of the lock files' versions: with others, none is outdated.
    """
    if run.order and (run.order.with_packages or run.order.versions):
        return []
    shown = [known_exception(row, run.exceptions) for row in rows]
    cells = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    return [
        known
        for known in run.exceptions
        if known not in shown
        and any((name, case) in cells for name in known.deployments for case in known.cases)
    ]


def known_exception(row: Check, exceptions: Sequence[KnownException]) -> KnownException | None:
    """Return the exception that covers a failed attempt, if there is one."""
    if row.verdict not in (Verdict.FAIL, Verdict.LOSS):
        return None
    covers = (
        known
        for known in exceptions
        if row.case in known.cases and row.deployment in known.deployments and row.code in known.codes
    )
    return next(covers, None)

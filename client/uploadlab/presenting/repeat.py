"""The section of a report with the commands that repeat a run or go on with it."""

import shlex
from collections.abc import Sequence

from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Kind
from uploadlab.model.runs import Run
from uploadlab.paths import program
from uploadlab.presenting.command_line import order_of, repeating
from uploadlab.presenting.document import Section
from uploadlab.storage.reader import UNKNOWN, StoredRun


def commands(stored: StoredRun) -> Section | None:
    """Return the section, or None if run.json is lost."""
    run = stored.run
    if run.plan == UNKNOWN:
        return None
    kind = order_of(run).kind
    texts = {"The same again": shlex.join([program(), *repeating(run)])}
    if not run.comparison and (missing := _missing(run, stored.rows)):
        texts[f"What is missing: {missing} uploads"] = shlex.join([program(), "resume", run.id])
    texts["This report"] = shlex.join([program(), "report", run.id])
    intro = "From the root of the checkout."
    if kind is Kind.RUN:
        intro += " The seed gives the same order; figures are compared within one run only."
    return Section("repeat", "To repeat it", [intro], texts=texts)


def _missing(run: Run, rows: Sequence[Measurement]) -> int:
    """Return how many uploads have no row yet, or a row that says that they could not be tried."""
    done = {
        (row.cell_id, row.round) for row in rows if not row.warmup and row.status is not Status.UNAVAILABLE
    }
    return sum(
        (planned.cell.id, number) not in done
        for planned in run.cells
        for number in range(1, planned.rounds + 1)
    )

"""A cell beside another cell of its run, round by round. Pure."""

from collections.abc import Iterable

from uploadlab.analysis.cells import by_cell
from uploadlab.analysis.significance import Interval, median_interval, paired_rounds
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import ACCEPTED, Measurement


def times_as_much(rows: Iterable[Measurement], above: Cell, below: Cell, field: str) -> Interval | None:
    """Return a field's value of the first cell divided by the second's, with its interval.

    It is the median of the rounds' ratios: what disturbs a host disturbs both uploads of a round. None: too
    few rounds, or an upload that did not arrive.
    """
    cells = by_cell(rows)
    both = [cells.get(cell.id, []) for cell in (above, below)]
    if any(row.status not in ACCEPTED for measured in both for row in measured):
        return None
    values, others = ({row.round: known for row in of if (known := getattr(row, field))} for of in both)
    disturbed = {row.round for measured in both for row in measured if row.disturbed}
    rounds = paired_rounds(values, others, disturbed)
    return median_interval([values[number] / others[number] for number in rounds])

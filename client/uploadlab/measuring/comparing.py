"""Ends a comparison: a method as soon as its intervals are narrow enough, all of it after its time."""

from collections.abc import Sequence

from uploadlab.analysis.intervals import paired
from uploadlab.analysis.significance import LEAST_PAIRS, Interval
from uploadlab.measuring.stopping import Stopping, enough
from uploadlab.model.cells import Cell, Task
from uploadlab.model.comparison import Comparison
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run

Way = tuple[str, int]
"""A method and a size: what all deployments do, and what is compared."""


class ComparisonStopping(Stopping):
    """The rule of a comparison. A run that goes on has all the time again."""

    first_look = LEAST_PAIRS

    def __init__(self, comparison: Comparison, run: Run, rows: Sequence[Measurement]) -> None:
        super().__init__(comparison.budget_seconds)
        sick = {target.name for target in run.targets if target.unavailable}
        cells = [planned.cell for planned in run.cells]
        self._comparison = comparison
        self._planned = {cell.id for cell in cells}
        self._seconds: dict[str, dict[int, float]] = {}
        self._broken = {cell.id for cell in cells if cell.deployment in sick}
        """Cells with an upload that was not ok: they have their answer."""
        self._settled: set[Way] = set()
        for row in rows:
            if row.status is not Status.UNAVAILABLE:  # what could not start the last time is tried again
                self.learn(row)

    def learn(self, row: Measurement) -> None:
        """Take a row into account."""
        if row.warmup:
            return
        if row.status is Status.OK and row.seconds:
            times = self._seconds.setdefault(row.cell_id, {})
            if not row.disturbed:
                times[row.round] = row.seconds
        else:
            self._broken.add(row.cell_id)

    def settle(self, tasks: Sequence[Task]) -> None:
        """Look at the intervals of these uploads' methods."""
        self._settled |= {way for way in {_way(task.cell) for task in tasks} if self._is_settled(way)}

    def is_open(self, cell: Cell) -> bool:
        """Return whether the cell needs more rounds."""
        way = _way(cell)
        if cell.id in self._broken or way in self._settled:
            return False
        # Where the base is broken there is no ratio, but it takes one upload to see whether the other works.
        return _at(self._comparison.base, way) not in self._broken or cell.id not in self._seconds

    def _is_settled(self, way: Way) -> bool:
        compared = self._comparison
        base, again = _at(compared.base, way), _at(compared.again, way)
        left = self._planned.intersection(_at(name, way) for name in compared.others) - self._broken
        ratios = [self._ratio(base, cell_id) for cell_id in {again, *left} - self._broken]
        return not left or enough(ratios, compared.within)

    def _ratio(self, base: str, other: str) -> Interval | None:
        """Return the ratio in quiet rounds: others make no difference sure."""
        above, below = (self._seconds.get(cell_id, {}) for cell_id in (base, other))
        rounds = sorted(above.keys() & below.keys())
        return paired([above[number] for number in rounds], [below[number] for number in rounds])


def _way(cell: Cell) -> Way:
    return cell.method, cell.size_bytes


def _at(deployment: str, way: Way) -> str:
    """Return the id of the cell of a deployment."""
    return Cell(deployment, *way).id
